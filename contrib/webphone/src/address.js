// What people write, as SIP addresses.

import { UserAgent } from "sip.js";

const NUMBER = /^\+?[\d\s().\/-]+$/;

// RFC 3261 25.1: what a user part may hold as it is.
function escapeUser(user) {
    return encodeURIComponent(user).replace(/%(24|26|2B|2C|2F|3B|3D|3F)/g,
        (escaped) => decodeURIComponent(escaped));
}

// "bob", "bob@biloxi.com", "+1 555 1000", "sip:bob@biloxi.com": a URI, or
// undefined. Without a domain it is one of ours.
export function parseAddress(text, domain) {
    const bare = text.trim().replace(/^sips?:/i, "");
    const at = bare.lastIndexOf("@");
    let user = at < 0 ? bare : bare.slice(0, at);
    const host = at < 0 ? domain : bare.slice(at + 1);
    if (NUMBER.test(user))
        user = user.replace(/[^+\d]/g, "");
    if (!user || !host || /\s/.test(user + host))
        return undefined;
    return UserAgent.makeURI(`sip:${escapeUser(decode(user))}@${host}`);
}

function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text; // a lone percent sign
    }
}

// For people: bob where the domain is ours, bob@elsewhere.com where it is not.
export function nameOf(uri, domain) {
    const user = decode(uri.user || uri.host);
    return !uri.user || uri.host === domain ? user : `${user}@${uri.host}`;
}

// wss://host:port/path, or undefined. The scheme may be left out.
export function parseServer(text) {
    const bare = text.trim();
    try {
        const url = new URL(/^\w+:\/\//.test(bare) ? bare : `wss://${bare}`);
        return /^wss?:$/.test(url.protocol) && url.host ? url.href : undefined;
    } catch {
        return undefined;
    }
}

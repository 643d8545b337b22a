// Digest with SHA-256 (RFC 7616, RFC 8760), for a server that asks for nothing
// else: SIP.js knows MD5 alone. Of several challenges it sees the last, which is
// the weakest.

import { Core } from "sip.js";

const SHIFT = 2 ** 32;

// The first 32 bits of the fractional parts of the `power`-th roots of the first
// 64 primes: FIPS 180-4 takes its constants from there.
function rootsOfPrimes(power) {
    const found = [];
    for (let n = 2; found.length < 64; n++) {
        let isPrime = true;
        for (let d = 2; d * d <= n; d++)
            isPrime = isPrime && n % d !== 0;
        if (isPrime)
            found.push((n ** (1 / power) % 1) * SHIFT | 0);
    }
    return found;
}

const START = rootsOfPrimes(2).slice(0, 8);
const ROUND = rootsOfPrimes(3);

const rotate = (x, n) => x >>> n | x << 32 - n;

function schedule(view, at) {
    const w = new Int32Array(64);
    for (let i = 0; i < 16; i++)
        w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
        const a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] +
            (rotate(a, 7) ^ rotate(a, 18) ^ a >>> 3) +
            (rotate(b, 17) ^ rotate(b, 19) ^ b >>> 10) | 0;
    }
    return w;
}

function compress(state, w) {
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
        const t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
            (e & f ^ ~e & g) + ROUND[i] + w[i] | 0;
        const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
            (a & b ^ a & c ^ b & c) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, d + t1 | 0, c, b, a, t1 + t2 | 0];
    }
    return [a, b, c, d, e, f, g, h].map((x, i) => x + state[i] | 0);
}

// Of a text, as hex. The browser's own is asynchronous, which SIP.js is not.
export function sha256(text) {
    const bytes = new TextEncoder().encode(text);
    const padded = new Uint8Array((bytes.length + 72) & ~63);
    const view = new DataView(padded.buffer);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    view.setUint32(padded.length - 8, bytes.length / 2 ** 29);
    view.setUint32(padded.length - 4, bytes.length * 8);
    let state = START;
    for (let at = 0; at < padded.length; at += 64)
        state = compress(state, schedule(view, at));
    return state.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}

class Digest extends Core.DigestAuthentication {
    authenticate(request, challenge, body) {
        this.isSha256 = challenge.algorithm === "SHA-256";
        if (!this.isSha256)
            return super.authenticate(request, challenge, body);
        // All but the hash is the same.
        const done = super.authenticate(
            request, { ...challenge, algorithm: "MD5" }, body);
        this.algorithm = "SHA-256";
        return done;
    }

    calculateResponse(body) {
        if (!this.isSha256)
            return super.calculateResponse(body);
        const ha1 = sha256([this.username, this.realm, this.password].join(":"));
        const ha2 = sha256(`${this.method}:${this.uri}`);
        const middle = this.qop ? [this.nonce, this.ncHex, this.cnonce, this.qop]
            : [this.nonce];
        this.response = sha256([ha1, ...middle, ha2].join(":"));
    }
}

// Make this user agent answer both.
export function useDigest(userAgent, username, password) {
    userAgent.userAgentCore.configuration.authenticationFactory = () =>
        new Digest(userAgent.getLoggerFactory(), undefined, username, password);
}

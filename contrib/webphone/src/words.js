// What happened, in words for people.

export const NO_LINE = "There is no connection to the server now.";
export const noAddress = (text) => `${text} is not a name, a number or an address.`;

// A call that I made was answered with this status.
export function whyNoCall(status, name) {
    switch (status) {
    case 401: case 407: return "The server did not accept the password for this call.";
    case 403: return `You may not call ${name}.`;
    case 404: case 604: return `Nobody here is called ${name}.`;
    case 408: return `No answer from ${name}.`;
    case 410: return `${name} is gone.`;
    case 480: case 430: return `${name} is not signed in, or cannot answer.`;
    case 482: case 483: return `The call to ${name} went in a circle.`;
    case 486: case 600: return `${name} is busy.`;
    case 487: return "Cancelled.";
    case 488: case 606: case 415:
        return `The phone of ${name} has no way of speaking that this one knows.`;
    case 603: return `${name} declined.`;
    case 503: return "The server cannot take the call now. Try again in a moment.";
    default: return `The call to ${name} failed (${status}).`;
    }
}

// It came back to the phone that made it: RFC 3261 8.2.2.2.
export function whySelf() {
    return "That is you, and no other phone of yours answered.";
}

export function whyNoMessage(status) {
    switch (status) {
    case 401: case 407: return "Not sent: the password was not accepted.";
    case 403: return "Not sent: not allowed.";
    case 404: case 604: return "Not sent: nobody of that name.";
    case 408: return "Not sent: no answer.";
    case 413: case 513: return "Not sent: too long.";
    case 480: case 430: return "Not sent: not signed in.";
    case 503: return "Not sent: the server cannot take it now.";
    case 415: case 488: case 405: case 501:
        return "Not sent: that phone takes no messages.";
    default: return `Not sent (${status}).`;
    }
}

// The server refused the registration for good.
export function whyNoSignIn(status) {
    if (status === 401 || status === 407 || status === 404)
        return "The account or the password is wrong.";
    if (status === 403)
        return "The server does not accept this account from here.";
    return `The server refused to sign you in (${status}).`;
}

// A browser does not tell a page why it could not connect.
export function whyNoServer(server, pageProtocol) {
    if (pageProtocol === "https:" && server.startsWith("ws:"))
        return "A page that came over https may only use a server with wss://.";
    if (server.startsWith("ws:"))
        return "The server cannot be reached.";
    return "The server cannot be reached, or its certificate was refused. " +
        "Open it in a tab to see which: if the browser warns about the " +
        "certificate there and you accept it, it holds here too.";
}

export function whyNoMicrophone(error, isSecure) {
    if (!isSecure)
        return "A browser lends the microphone only to pages over https or from " +
            "this machine.";
    switch (error.name) {
    case "NotAllowedError": case "SecurityError":
        return "The microphone is blocked. Allow it in the browser's address bar.";
    case "NotFoundError": case "OverconstrainedError":
        return "No microphone was found.";
    case "NotReadableError": case "AbortError":
        return "The microphone is in use by another program.";
    default:
        return undefined;
    }
}

// The Reason of a CANCEL (RFC 3326) that ended the ringing here.
export function whyRingingEnded(reason) {
    const cause = Number(/cause\s*=\s*(\d+)/.exec(reason || "")?.[1]);
    if (cause === 200)
        return "Answered on another phone";
    return cause >= 600 ? "Declined on another phone" : "Missed call";
}

export function duration(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const minutes = `${Math.floor(s / 60) % 60}:${two(s % 60)}`;
    return s < 3600 ? minutes : `${Math.floor(s / 3600)}:${minutes.padStart(5, "0")}`;
}

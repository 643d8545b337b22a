// The page's elements, and how they show a line, a call, a log.

import { duration } from "./words.js";

export const $ = (id) => document.getElementById(id);

const TITLE = document.title;
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export function show(id, isShown) {
    $(id).hidden = !isShown;
}

// Only what changes is written: each write to a live region is read aloud.
function write(id, text) {
    if ($(id).textContent !== text)
        $(id).textContent = text;
}

// ---- what needs attention ----

export function notice(text, link) {
    write("notice-text", text);
    show("notice-link", Boolean(link));
    if (link) {
        $("notice-link").href = link;
        $("notice-link").textContent = link;
    }
    show("notice", Boolean(text));
}

// ---- the line ----

export function showLine(line, account) {
    $("line").dataset.state = line.state;
    write("line", lineWords(line, account));
    show("retry", line.state === "waiting" || line.state === "connecting" && line.why);
    show("sign-out", !["off", "refused"].includes(line.state));
}

function lineWords(line, account) {
    switch (line.state) {
    case "connecting": return line.why ? "Trying again\u2026" : "Signing in\u2026";
    case "ready": return `Signed in as ${account}`;
    case "waiting": return line.why;
    default: return "Not signed in";
    }
}

// Beside the live region, not in it: a count-down is not read aloud.
export function showRetry(line) {
    const seconds = Math.max(0, Math.ceil((line.retryAt - Date.now()) / 1000));
    write("retry", seconds > 0 ? `Try now (${seconds} s)` : "Try now");
}

// ---- the call ----

const CALL_WORDS = {
    calling: "Calling\u2026",
    ringing: "Ringing\u2026",
    incoming: "Incoming call",
    connecting: "Connecting\u2026",
};

export function showCall(call) {
    const isShown = Boolean(call) && !call.isOver;
    show("call", isShown);
    write("spoken", call?.state === "incoming" ? `${call.peer.name} is calling` : "");
    $("dial-call").disabled = isShown;
    document.title = call?.state === "incoming" ? `${call.peer.name} is calling`
        : isShown ? `${call.peer.name} \u2013 ${TITLE}` : TITLE;
    if (!isShown)
        return;
    $("call").dataset.state = call.state;
    write("call-name", call.peer.name);
    write("call-initial", [...call.peer.name][0].toUpperCase());
    write("call-state", callWords(call));
    write("call-trouble", "No sound gets through: between these two networks a " +
        "media relay is needed.");
    show("call-trouble", call.hasNoAudio);
    showKeys(call);
    showTimer(call);
}

function callWords(call) {
    if (call.state !== "talking")
        return CALL_WORDS[call.state];
    if (call.isHeld)
        return call.isMuted ? "On hold, muted" : "On hold";
    return call.isMuted ? "Muted" : "Connected";
}

function showKeys(call) {
    const isIncoming = call.state === "incoming";
    const isTalking = call.state === "talking";
    show("answer", isIncoming);
    show("decline", isIncoming);
    show("mute", isTalking);
    show("hold", isTalking);
    show("hang-up", !isIncoming);
    $("mute").setAttribute("aria-pressed", call.isMuted);
    $("hold").setAttribute("aria-pressed", call.isHeld);
}

export function showTimer(call) {
    write("call-timer", call.since ? duration(Date.now() - call.since) : "");
}

// ---- the log ----

function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
}

const LOG_ENTRIES = 200; // then the oldest goes

// entry: {kind: call | in | out, name, text, note, isBad}; returns what changes
// the note later.
export function log(entry, onName) {
    const item = element("li", entry.kind, "");
    const name = element("button", "name", entry.name);
    const text = element("p", "text", entry.text);
    const note = element("span", "note", "");
    text.dir = "auto"; // as its own language is written
    name.type = "button";
    name.title = `Write ${entry.name} into the field above`;
    name.addEventListener("click", () => onName(entry.name));
    item.append(name, element("time", "", TIME.format(new Date())),
        text, note);
    const setNote = (words, isBad) => {
        note.textContent = words;
        item.classList.toggle("bad", Boolean(isBad));
    };
    setNote(entry.note ?? "", entry.isBad);
    $("log").append(item);
    if ($("log").children.length > LOG_ENTRIES)
        $("log").firstChild.remove();
    $("log").scrollTop = $("log").scrollHeight;
    show("log-empty", false);
    return setNote;
}

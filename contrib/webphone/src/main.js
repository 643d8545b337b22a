// The web phone: what its user does, given to the phone; what the phone tells,
// given to the page.

import { parseAddress, parseServer } from "./address.js";
import { Phone } from "./phone.js";
import * as settings from "./settings.js";
import * as sound from "./sound.js";
import * as view from "./view.js";
import { duration, noAddress, NO_LINE, whyNoMessage } from "./words.js";

const { $ } = view;

let phone;
let iceServers = [];

// The tabs of one browser tell each other who took a call: the CANCEL that the
// others get need not say so (RFC 3326).
const tabs = new BroadcastChannel("viaduct-webphone");
let rangLast; // of what rang here last, and was not answered here: {id, setNote}

// ---- signing in and out ----

function signIn(isPatient) {
    const server = parseServer($("server").value);
    const uri = server &&
        parseAddress($("account").value, new URL(server).hostname);
    if (!server)
        return refuseInput("server", "That is no address of a server. It begins with wss:// or ws://.");
    if (!uri)
        return refuseInput("account", "That is no account. It looks like alice@biloxi.com.");
    view.notice("");
    const password = $("password").value;
    const who = { typed: [$("account").value, $("server").value], password,
        account: `${uri.user}@${uri.host}` };
    const started = new Phone({ uri, server, password, iceServers }, {
        line: (line) => phone === started && onLine(line, who),
        call: onCall,
        missed: onMissed,
        message: onMessage,
    });
    phone = started;
    settings.save(...who.typed);
    phone.start(isPatient);
}

function refuseInput(id, why) {
    view.notice(why);
    showForm();
    $(id).focus();
}

function signOut() {
    const gone = phone;
    phone = undefined;
    gone.stop();
    $("password").value = "";
    $("remember").checked = false;
    settings.savePassword($("account").value, $("server").value, undefined);
    onLine({ state: "off" });
    view.notice("");
}

function showForm() {
    view.show("sign-in", true);
    view.show("desk", false);
}

function onLine(line, who) {
    const wasRetry = document.activeElement === $("retry");
    view.showLine(line, who?.account);
    const isForm = line.state === "off" || line.state === "refused";
    if (line.state === "ready" && !$("sign-in").hidden)
        showDesk(who);
    else if (line.state === "ready" && wasRetry)
        $("to").focus();
    if (isForm) {
        showForm();
        $(line.isUnreachable ? "server" : "password").focus();
    }
    if (line.state === "refused")
        onRefused(line, who);
    $("sign-in").querySelector(".primary").disabled = !isForm;
}

function showDesk({ typed, password }) {
    settings.savePassword(...typed, $("remember").checked ? password : undefined);
    view.show("sign-in", false);
    view.show("desk", true);
    $("to").focus();
}

function onRefused(line, { typed }) {
    if (!line.isUnreachable)
        settings.savePassword(...typed, undefined);
    view.notice(line.why, line.isUnreachable ? certificatePage() : undefined);
}

// Where a browser asks whether to accept the certificate.
function certificatePage() {
    const server = parseServer($("server").value);
    return server.startsWith("wss:") ? server.replace("wss:", "https:") : undefined;
}

// ---- calls ----

function dial() {
    const to = $("to").value.trim();
    view.notice("");
    if (!to)
        return $("to").focus();
    if (!phone.isReady)
        return view.notice(NO_LINE);
    if (!phone.call && !phone.dial(to))
        view.notice(noAddress(to));
}

// The CANCEL that the other tabs get is fast: they are told before the server is.
function tellTabs(words) {
    tabs.postMessage({ id: phone.call.id, words });
}

function answer() {
    tellTabs("Answered in another tab");
    phone.call.answer();
}

function decline() {
    tellTabs("Declined in another tab");
    phone.call.decline();
}

function onCall(call) {
    if (call.isOver)
        onEnded(call);
    const now = phone?.call;
    const isNew = now && $("call").hidden;
    view.showCall(now);
    sound.play({ incoming: "ring", ringing: "ringback" }[now?.state]);
    listen(now?.state === "talking" ? now.remoteStream : null);
    if (isNew || now?.state === "talking")
        focusCall(now);
}

// Set once more, it would begin anew.
function listen(stream) {
    if ($("far").srcObject !== stream)
        $("far").srcObject = stream;
}

function onMissed(name) {
    view.log({ kind: "call", name, isBad: true, text: "Incoming call",
        note: "Missed: you were in a call" }, writeTo);
}

// Not away from what somebody writes.
function focusCall(call) {
    const at = document.activeElement;
    const isWriting = /^(INPUT|TEXTAREA)$/.test(at?.tagName) && at.value;
    if (!call.isMine && call.state === "incoming" && isWriting)
        return;
    if (!at?.closest("#call") || at.hidden || !at.offsetParent)
        $("call").focus();
}

function onEnded(call) {
    const length = call.since ? duration(call.ended - call.since) : "";
    const setNote = view.log({
        kind: "call", name: call.peer.name, isBad: call.isMissed || call.isFailed,
        text: call.isMine ? "Outgoing call" : "Incoming call",
        note: [call.ending, length].filter(Boolean).join(" "),
    }, writeTo);
    if (!call.isMine && !call.since)
        rangLast = { id: call.id, setNote };
    if (call.isFailed)
        view.notice(call.ending);
    if ($("call").contains(document.activeElement))
        $("to").focus();
}

// The CANCEL may have been here before.
tabs.addEventListener("message", ({ data }) => {
    if (phone?.call?.id === data.id && phone.call.state === "incoming")
        phone.call.takenElsewhere = data.words;
    else if (rangLast?.id === data.id)
        rangLast.setNote(data.words);
});

// ---- messages ----

function onMessage(name, text) {
    view.log({ kind: "in", name, text }, writeTo);
    if (document.hidden)
        document.title = `\u2709 ${name}`;
}

async function sendText() {
    const text = $("text").value;
    if (!$("to").value.trim())
        return $("to").focus();
    if (!text.trim())
        return $("text").focus();
    view.notice("");
    if (!phone.isReady)
        return view.notice(NO_LINE);
    const sent = phone.send($("to").value, text);
    if (!sent)
        return view.notice(noAddress($("to").value));
    $("text").value = "";
    $("text").focus();
    const setNote = view.log(
        { kind: "out", name: sent.name, text, note: "Sending\u2026" }, writeTo);
    const status = await sent.status;
    if (status < 300)
        setNote(status === 202 ? "Sent" : "Delivered");
    else
        setNote(whyNoMessage(status), true);
}

function writeTo(name) {
    $("to").value = name;
    $("to").focus();
}

// ---- wiring ----

function on(id, event, does) {
    $(id).addEventListener(event, (e) => {
        e.preventDefault();
        does(e);
    });
}

function wire() {
    on("sign-in", "submit", () => signIn(false));
    on("sign-out", "click", signOut);
    on("retry", "click", () => phone.retry());
    on("dial", "submit", dial);
    on("send", "click", sendText);
    on("answer", "click", () => phone.call && answer());
    on("decline", "click", () => phone.call && decline());
    on("hang-up", "click", () => phone.call?.hangUp());
    on("mute", "click", () => phone.call?.mute(!phone.call.isMuted));
    on("hold", "click", () => phone.call?.hold(!phone.call.isHeld));
    on("notice-close", "click", () => {
        view.notice("");
        $($("desk").hidden ? "password" : "to").focus();
    });
    $("text").addEventListener("keydown", (e) => {
        if (e.key === "Enter" && (e.ctrlKey || e.metaKey))
            sendText();
    });
    for (const event of ["pointerdown", "keydown"])
        addEventListener(event, sound.allowSound);
    sound.onAllowed(() => view.show("silent", sound.isSilent()));
    addEventListener("online", () => phone?.retry());
    addEventListener("pagehide", () => phone?.call?.hangUp());
    addEventListener("beforeunload", (e) => phone?.call && e.preventDefault());
    document.addEventListener("visibilitychange", () => view.showCall(phone?.call));
    setInterval(() => {
        if (phone?.call?.since)
            view.showTimer(phone.call);
        if (phone?.line.state === "waiting")
            view.showRetry(phone.line);
    }, 250);
}

async function main() {
    const { account, server, password, iceServers: given } = await settings.load();
    iceServers = given;
    $("account").value = account;
    $("server").value = server;
    $("password").value = password ?? "";
    $("remember").checked = Boolean(password);
    wire();
    view.show("silent", sound.isSilent());
    onLine({ state: "off" });
    if (password)
        signIn(true);
    else
        $(account && server ? "password" : account ? "server" : "account").focus();
}

main();

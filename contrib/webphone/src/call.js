// One call, mine or theirs, from its first request to its end. Knows nothing of
// the page: `changed` runs after each change of what can be read here.

import { SessionState } from "sip.js";
import { whyNoCall, whyNoMicrophone, whyRingingEnded, whySelf } from "./words.js";

const NO_ANSWER_MS = 60000;
const HOLD_TRIES = 5;
const MISSED = "Missed call";

// Our answer lets the other side begin the DTLS handshake (RFC 5763 5), which it does
// once it has the answer: there are phones that stay silent where a handshake comes
// before it, or one as long as a browser's. Their offer comes here, too.
async function waitForTheirHello({ type, sdp }) {
    return { type, sdp: sdp.replace(/^a=setup:active/gm, "a=setup:passive") };
}

export class Call {
    // calling, ringing, incoming, connecting, talking, ended
    state;
    isMuted = false;
    isHeld = false;
    hadAudio = false;
    hasNoAudio = false; // and never had
    since = undefined; // Date.now() at the answer
    ending = ""; // in words, once it has ended
    takenElsewhere = ""; // how, in words, where that is known before its end
    isMissed = false;
    isFailed = false;

    // sayBye() sends the BYE of this call: now, or when there is a connection.
    constructor(session, peer, isMine, { changed, sayBye }) {
        this.session = session;
        this.peer = peer; // {name, uri, isSelf}
        this.isMine = isMine;
        this.changed = changed;
        this.sayBye = sayBye;
        this.state = isMine ? "calling" : "incoming";
        this.began = Date.now();
        session.stateChange.addListener((state) => this.onState(state));
        session.delegate = {
            onCancel: (cancel) => this.onCancel(cancel.request.getHeader("reason")),
            onBye: (bye) => {
                bye.accept();
                this.ending = `${peer.name} hung up.`;
            },
            onSessionDescriptionHandler: (handler) => this.watch(handler),
        };
    }

    get id() {
        return this.session.request.callId;
    }

    get isOver() {
        return this.state === "ended";
    }

    // ---- what its user does ----

    async start() {
        this.noAnswer = setTimeout(() => {
            this.ending = whyNoCall(408, this.peer.name);
            this.isFailed = true;
            this.session.cancel();
        }, NO_ANSWER_MS);
        await this.withMicrophone(this.session.invite({ requestDelegate: {
            onProgress: (response) => this.onProgress(response.message.statusCode),
            onReject: (response) => this.onReject(response.message.statusCode),
            onRedirect: (response) => this.onReject(response.message.statusCode),
        } }));
    }

    async answer() {
        this.enter("connecting");
        const mayChoose = /^a=setup:actpass/m.test(this.session.request.body);
        await this.withMicrophone(this.session.accept({
            sessionDescriptionHandlerModifiers: mayChoose ? [waitForTheirHello] : [],
        }));
    }

    // Wherever it rings, it stops: RFC 3261 21.6.2.
    decline() {
        this.ending = "Declined";
        this.session.reject({ statusCode: 603 });
    }

    hangUp() {
        switch (this.session.state) {
        case SessionState.Initial:
        case SessionState.Establishing:
            if (!this.isMine)
                return this.decline();
            this.ending ||= "Cancelled.";
            return this.session.cancel();
        case SessionState.Established:
            this.ending ||= "You hung up.";
            this.sayBye(this);
            return this.end();
        }
    }

    mute(isMuted) {
        this.isMuted = isMuted;
        this.setSending();
        this.changed();
    }

    // A re-INVITE whose offer says who may speak (RFC 3264 8.4). Where the other
    // side is changing it, too, once more a little later (RFC 3261 14.1).
    async hold(isHeld) {
        if (this.isHolding || isHeld === this.isHeld)
            return;
        this.isHolding = true;
        let status;
        for (let n = 0; n < HOLD_TRIES && this.state === "talking"; n++) {
            status = await this.reinvite({ hold: isHeld });
            if (status !== 491)
                break;
            await new Promise((again) => setTimeout(again, 2000 * Math.random()));
        }
        this.isHolding = false;
        if (this.isOver)
            return;
        if (status < 300)
            this.isHeld = isHeld;
        this.setSending();
        this.changed();
    }

    // Its final status; 491 also where it cannot be sent now.
    reinvite(options) {
        this.session.sessionDescriptionHandlerOptionsReInvite = options;
        return new Promise((resolve) => {
            const done = ({ message }) => resolve(message.statusCode);
            this.session.invite({ requestDelegate: {
                onAccept: done, onReject: done, onRedirect: done,
            } }).catch(() => resolve(491));
        });
    }

    // ---- what comes of it ----

    onProgress(status) {
        if (status > 100 && this.state === "calling")
            this.enter("ringing");
    }

    onReject(status) {
        if (this.ending)
            return; // cancelled here
        this.ending = status === 482 && this.peer.isSelf ? whySelf()
            : whyNoCall(status, this.peer.name);
        this.isFailed = status !== 487;
    }

    onCancel(reason) {
        this.ending = whyRingingEnded(reason);
    }

    onState(state) {
        if (state === SessionState.Established) {
            this.since = Date.now();
            this.enter("talking");
        } else if (state === SessionState.Terminating ||
                state === SessionState.Terminated) {
            setTimeout(() => this.end()); // first, SIP.js tells why
        }
    }

    // Nothing more is heard or said; SIP.js may still wait for an answer.
    end() {
        if (this.isOver)
            return;
        if (this.takenElsewhere && !this.since)
            this.ending = this.takenElsewhere;
        this.ending ||= this.isMine || this.since ? "The call has ended." : MISSED;
        this.isMissed = this.ending === MISSED;
        this.session.sessionDescriptionHandler?.close();
        this.enter("ended");
    }

    enter(state) {
        if (this.isOver)
            return;
        this.state = state;
        if (state === "talking" || state === "ended")
            clearTimeout(this.noAnswer);
        if (state === "ended")
            this.ended = Date.now();
        this.changed();
    }

    // The session asks for the microphone, and ends if it gets none.
    async withMicrophone(started) {
        try {
            await started;
        } catch (error) {
            if (this.isOver)
                return;
            const why = whyNoMicrophone(error, window.isSecureContext);
            this.ending ||= why || "The call could not be set up.";
            this.isFailed = true;
            this.end();
        }
    }

    // ---- media ----

    get connection() {
        return this.session.sessionDescriptionHandler?.peerConnection;
    }

    get remoteStream() {
        return this.session.sessionDescriptionHandler?.remoteMediaStream;
    }

    watch(handler) {
        const connection = handler.peerConnection;
        connection.addEventListener("connectionstatechange", () => {
            if (connection.connectionState === "connected") {
                this.hadAudio = true;
                this.hasNoAudio = false;
                this.changed();
            } else if (connection.connectionState === "failed") {
                this.loseAudio();
            }
        });
    }

    // Who was heard and is no more may be gone without a BYE that reached us.
    loseAudio() {
        if (this.hadAudio) {
            this.ending ||= `The connection to ${this.peer.name} was lost.`;
            this.isFailed = true;
            return this.hangUp();
        }
        this.hasNoAudio = true;
        this.changed();
    }

    setSending() {
        for (const sender of this.connection?.getSenders() ?? [])
            if (sender.track)
                sender.track.enabled = !this.isMuted && !this.isHeld;
    }
}

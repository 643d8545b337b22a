// One call, mine or theirs, from its first request to its end. Knows nothing of
// the page: `changed` runs after each change of what can be read here.

import { SessionState } from "sip.js";
import { whyNoCall, whyNoMicrophone, whyRingingEnded } from "./words.js";

const NO_ANSWER_MS = 60000;
const HOLD_TRIES = 5;

export class Call {
    // calling, ringing, incoming, connecting, talking, ended
    state;
    isMuted = false;
    isHeld = false;
    hasNoAudio = false;
    since = undefined; // Date.now() at the answer
    ending = ""; // in words, once it has ended
    isMissed = false;
    isFailed = false;

    constructor(session, peer, isMine, changed) {
        this.session = session;
        this.peer = peer; // {name, uri}
        this.isMine = isMine;
        this.changed = changed;
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
        await this.withMicrophone(this.session.accept());
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
            return this.session.bye();
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
        this.ending = whyNoCall(status, this.peer.name);
        this.isFailed = status !== 487;
    }

    onCancel(reason) {
        this.ending = this.takenElsewhere || whyRingingEnded(reason);
        this.isMissed = this.ending === "Missed call";
    }

    onState(state) {
        if (state === SessionState.Established) {
            this.since = Date.now();
            this.enter("talking");
        } else if (state === SessionState.Terminated) {
            queueMicrotask(() => this.end()); // first, SIP.js tells why
        }
    }

    end() {
        this.ending ||= "The call has ended.";
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
            const why = whyNoMicrophone(error, window.isSecureContext);
            this.ending ||= why || "The call could not be set up.";
            this.isFailed = true;
            if (!this.isMine && this.session.state === SessionState.Initial)
                this.session.reject({ statusCode: 480 });
            this.enter("ended");
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
            this.hasNoAudio = connection.connectionState === "failed";
            this.changed();
        });
    }

    setSending() {
        for (const sender of this.connection?.getSenders() ?? [])
            if (sender.track)
                sender.track.enabled = !this.isMuted && !this.isHeld;
    }
}

// One account at one server: the connection, the registration over it, and what
// arrives. Knows nothing of the page.

import { Inviter, Messager, Registerer, RegistererState, UserAgent,
    UserAgentState, Web } from "sip.js";
import { nameOf, parseAddress } from "./address.js";
import { Backoff } from "./backoff.js";
import { Call } from "./call.js";
import { useDigest } from "./digest.js";
import { lend } from "./microphone.js";
import { PING_S, Transport } from "./transport.js";
import { whyNoServer, whyNoSignIn } from "./words.js";

const EXPIRES_S = 600;
const ICE_GATHERING_MS = 2000;
const NOT_THERE_YET = [404, 430, 480, 503];
const BYE_TRIES = 20;
const BYE_AGAIN_MS = 1500;

// `tell` has these:
//   line(line)            {state, why, retryAt}; state is connecting, ready,
//                         waiting (it tries again by itself), refused or off
//   call(call)            a call began or changed
//   missed(name)          one came while there was another
//   message(name, text)   one arrived
export class Phone {
    line = { state: "off" };
    call = undefined; // the one that there is
    owedBye = undefined; // of a call that ended while there was no connection

    constructor({ uri, server, password, iceServers }, tell) {
        this.uri = uri;
        this.server = server;
        this.tell = tell;
        this.backoff = new Backoff();
        this.userAgent = new UserAgent({
            uri,
            authorizationUsername: uri.user,
            transportConstructor: Transport,
            transportOptions: {
                server, connectionTimeout: 10, keepAliveInterval: PING_S,
                traceSip: false,
            },
            sessionDescriptionHandlerFactory:
                Web.defaultSessionDescriptionHandlerFactory(lend),
            sessionDescriptionHandlerFactoryOptions: {
                iceGatheringTimeout: ICE_GATHERING_MS,
                peerConnectionConfiguration: { iceServers },
            },
            userAgentString: "Viaduct web phone",
            sipExtensionExtraSupported: ["gruu"], // reached by a later connection, too
            logBuiltinEnabled: false,
            delegate: {
                onConnect: () => this.register(),
                onDisconnect: (error) => this.onDisconnect(error),
                onInvite: (invitation) => this.onInvite(invitation),
                onMessage: (message) => this.onMessage(message),
            },
        });
        useDigest(this.userAgent, uri.user, password);
        this.registerer = new Registerer(this.userAgent, {
            expires: EXPIRES_S, refreshFrequency: 80, regId: 1,
        });
        this.registerer.stateChange.addListener((state) => this.onRegisterer(state));
    }

    get domain() {
        return this.uri.host;
    }

    // ---- the line ----

    // isPatient: an unreachable server is one that comes back.
    start(isPatient) {
        this.isPatient = isPatient;
        this.setLine({ state: "connecting" });
        this.connect();
    }

    async connect() {
        const userAgent = this.userAgent;
        try {
            if (userAgent.state === UserAgentState.Started)
                await userAgent.reconnect();
            else
                await userAgent.start();
        } catch {
            this.lose(this.isPatient ? "The server cannot be reached."
                : whyNoServer(this.server, location.protocol));
        }
    }

    onDisconnect(error) {
        if (error && this.line.state !== "waiting")
            this.lose("The connection to the server was lost.");
    }

    // Try again later, or give up if this never worked.
    lose(why, atLeastMs = 0) {
        if (this.line.state === "off")
            return;
        if (!this.isPatient)
            return this.refuse(why, true);
        const retryAt = this.backoff.wait(() => this.retry(), atLeastMs);
        this.setLine({ state: "waiting", why, retryAt });
    }

    retry() {
        if (this.line.state !== "waiting")
            return;
        this.setLine({ ...this.line, state: "connecting" });
        if (this.userAgent.isConnected())
            this.register();
        else
            this.connect();
    }

    async register() {
        try {
            await this.registerer.register({ requestDelegate: {
                onAccept: ({ message }) => this.onRegisterAccept(message),
                onReject: ({ message }) => this.onRegisterReject(message),
            } });
        } catch {
            // one is under way, and its end is told
        }
    }

    onRegisterAccept(message) {
        const pingS = parseInt(message.getHeader("flow-timer"));
        if (pingS > 0)
            this.userAgent.transport.pingEvery(pingS);
        this.onRegistered();
    }

    onRegisterReject(message) {
        const status = message.statusCode;
        if (status === 408 || status >= 500)
            this.lose(`The server cannot sign you in now (${status}).`,
                1000 * (parseInt(message.getHeader?.("retry-after")) || 0));
        else
            this.refuse(whyNoSignIn(status), false);
    }

    onRegistered() {
        this.isPatient = true;
        this.backoff.reset();
        if (this.line.state !== "ready")
            this.setLine({ state: "ready" });
        this.owedBye?.();
        this.owedBye = undefined;
    }

    // It refreshes itself, and asks again by itself where its time was too short
    // (423): how these end is told here alone.
    onRegisterer(state) {
        if (state === RegistererState.Registered)
            this.onRegistered();
        else if (state === RegistererState.Unregistered && this.isReady)
            this.lose("The registration was lost.");
    }

    get isReady() {
        return this.line.state === "ready";
    }

    refuse(why, isUnreachable) {
        this.setLine({ state: "refused", why, isUnreachable });
        this.stop();
    }

    setLine(line) {
        this.line = line;
        this.tell.line(line);
    }

    // The end of this phone. The registration goes, if the server can be told.
    async stop() {
        this.backoff.reset();
        this.line = { state: "off" };
        this.owedBye = undefined;
        this.call?.hangUp();
        await this.userAgent.stop().catch(() => {});
    }

    // ---- calls ----

    // A Call, or undefined where `text` is no address. The line is ready.
    dial(text) {
        const uri = parseAddress(text, this.domain);
        if (!uri)
            return undefined;
        const call = this.keep(new Inviter(this.userAgent, uri), uri, true);
        call.start();
        return call;
    }

    onInvite(invitation) {
        const uri = invitation.remoteIdentity.uri;
        if (!this.call)
            return this.keep(invitation, uri, false);
        invitation.reject({ statusCode: 486 });
        this.tell.missed(nameOf(uri, this.domain));
    }

    keep(session, uri, isMine) {
        const peer = { uri: uri.toString(), name: nameOf(uri, this.domain),
            isSelf: uri.aor === this.uri.aor };
        const call = new Call(session, peer, isMine, {
            changed: () => this.onCall(call), sayBye: () => this.sayBye(call),
        });
        this.call = call;
        this.onCall(call);
        return call;
    }

    onCall(call) {
        if (call.isOver && this.call === call)
            this.call = undefined;
        this.tell.call(call);
    }

    // A BYE that cannot be sent now, or that does not reach the other side because
    // it has no connection yet, would leave it alone.
    sayBye({ session }) {
        const { dialog } = session;
        let triesLeft = BYE_TRIES;
        const requestDelegate = {
            onReject: ({ message }) => {
                if (NOT_THERE_YET.includes(message.statusCode) && --triesLeft > 0)
                    setTimeout(again, BYE_AGAIN_MS);
            },
        };
        const again = () => this.line.state !== "off" && dialog.bye(requestDelegate);
        const bye = async () => {
            try {
                await session.bye({ requestDelegate });
            } catch {
                // theirs came first
            }
        };
        if (this.userAgent.isConnected())
            bye();
        else
            this.owedBye = bye;
    }

    // ---- messages ----

    // {name, status}: status is a promise of the final one; undefined where `to` is
    // no address. The line is ready.
    send(to, text) {
        const uri = parseAddress(to, this.domain);
        if (!uri)
            return undefined;
        const status = new Promise((resolve) => {
            const done = ({ message }) => resolve(message.statusCode);
            new Messager(this.userAgent, uri, text, "text/plain;charset=utf-8")
                .message({ requestDelegate: { onAccept: done, onReject: done,
                    onRedirect: done } });
        });
        return { name: nameOf(uri, this.domain), status };
    }

    onMessage(message) {
        const type = message.request.getHeader("content-type") ?? "text/plain";
        if (!/^text\/plain\b/i.test(type))
            return message.reject({ statusCode: 415,
                extraHeaders: ["Accept: text/plain"] });
        message.accept();
        this.tell.message(nameOf(message.request.from.uri, this.domain),
            message.request.body);
    }
}

// The connection, and whether it still carries: a server that answers pings and
// leaves one without an answer is gone (RFC 5626 4.4.1), though nobody says so.

import { Web } from "sip.js";

export const PING_S = 30;
const PONG_MS = 10000;

export class Transport extends Web.Transport {
    answersPings = false;

    // As often as the server asks for, or more so (RFC 5626 4.4.1).
    pingEvery(seconds) {
        this.configuration.keepAliveInterval = Math.min(seconds, PING_S);
        this.stopSendingKeepAlives();
        this.startSendingKeepAlives();
    }

    async sendKeepAlive() {
        await super.sendKeepAlive();
        const connection = this.ws;
        if (this.answersPings)
            this.waiting ??= setTimeout(() => this.giveUp(connection), PONG_MS);
    }

    // A browser waits for the end of a connection that nobody is at, too.
    giveUp(connection) {
        connection.close();
        this.onWebSocketClose({ code: 1006 }, connection);
    }

    onWebSocketMessage(event, connection) {
        if (/^(\r\n)+$/.test(event.data)) {
            this.answersPings = true;
            this.stopWaiting();
        }
        super.onWebSocketMessage(event, connection);
    }

    onWebSocketClose(event, connection) {
        this.stopWaiting();
        super.onWebSocketClose(event, connection);
    }

    stopWaiting() {
        clearTimeout(this.waiting);
        this.waiting = undefined;
    }
}

// JsSIP as its manual has it. What the tests see is `phone`, as in sipjs.js.

import JsSIP from "jssip";

let ua, session;

function follow(theirs) {
    session = theirs;
    session.on("progress", (e) => {
        if (e.originator === "remote" && e.response.status_code === 180)
            phone.state = "ringing";
    });
    session.on("confirmed", () => {
        phone.state = "talking";
    });
    session.on("failed", (e) => {
        phone.status = e.message?.status_code ?? 0;
        phone.state = "ended";
    });
    session.on("ended", (e) => {
        phone.isTheirBye = e.originator === "remote";
        phone.state = "ended";
    });
    const listen = (connection) => connection.addEventListener("track", (e) => {
        document.getElementById("far").srcObject = e.streams[0];
    });
    if (session.connection)
        listen(session.connection);
    else
        session.on("peerconnection", (e) => listen(e.peerconnection));
}

window.phone = {
    state: "idle", status: 0, inbox: [], isTheirBye: false,

    register({ server, user, password, domain }) {
        ua = new JsSIP.UA({
            sockets: [new JsSIP.WebSocketInterface(server)],
            uri: `sip:${user}@${domain}`, password,
        });
        ua.on("newRTCSession", (e) => {
            follow(e.session);
            phone.state = e.originator === "remote" ? "incoming" : "calling";
        });
        ua.on("newMessage", (e) => {
            if (e.originator === "remote")
                phone.inbox.push(e.request.body);
        });
        return new Promise((resolve) => {
            ua.on("registered", (e) => resolve(e.response.status_code));
            ua.on("registrationFailed", (e) => resolve(e.response?.status_code ?? 0));
            ua.start();
        });
    },
    call(to) {
        ua.call(to, { mediaConstraints: { audio: true, video: false },
            pcConfig: { iceServers: [] } });
    },
    answer() {
        session.answer({ mediaConstraints: { audio: true, video: false },
            pcConfig: { iceServers: [] } });
    },
    refuse: (status_code) => { session.terminate({ status_code }); },
    cancel: () => { session.terminate(); },
    bye: () => { session.terminate(); },
    hold: (isHeld) => new Promise((resolve) => {
        const done = () => resolve(200);
        const isSent = isHeld ? session.hold({}, done) : session.unhold({}, done);
        if (!isSent)
            resolve(0);
    }),
    message: (to, text) => new Promise((resolve) => {
        const done = (e) => resolve(e.response?.status_code ?? 0);
        ua.sendMessage(to, text, { eventHandlers: { succeeded: done, failed: done } });
    }),
};

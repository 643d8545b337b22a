// SIP.js as its manual has it. What the tests see is `phone`: its functions, and
// `state`, `status`, `inbox`.

import { Inviter, Messager, Registerer, RegistererState, SessionState,
    UserAgent } from "sip.js";

let userAgent, registerer, session;

const uriOf = (text) => UserAgent.makeURI(text);
const statusOf = (request) => new Promise((resolve, reject) => {
    const done = ({ message }) => resolve(message.statusCode);
    request({ onAccept: done, onReject: done, onRedirect: done }).catch(reject);
});

function follow(theirs) {
    session = theirs;
    session.delegate = { onBye: (bye) => { bye.accept(); phone.isTheirBye = true; } };
    session.stateChange.addListener((state) => {
        if (state === SessionState.Established) {
            document.getElementById("far").srcObject =
                session.sessionDescriptionHandler.remoteMediaStream;
            phone.state = "talking";
        } else if (state === SessionState.Terminated) {
            phone.state = "ended";
        }
    });
}

window.phone = {
    state: "idle", status: 0, inbox: [], isTheirBye: false,

    async register({ server, user, password, domain }) {
        userAgent = new UserAgent({
            uri: uriOf(`sip:${user}@${domain}`), authorizationUsername: user,
            authorizationPassword: password, transportOptions: { server },
            sessionDescriptionHandlerFactoryOptions: {
                peerConnectionConfiguration: { iceServers: [] },
            },
            delegate: {
                onInvite(invitation) {
                    follow(invitation);
                    phone.state = "incoming";
                },
                onMessage(message) {
                    message.accept();
                    phone.inbox.push(message.request.body);
                },
            },
        });
        await userAgent.start();
        registerer = new Registerer(userAgent);
        return statusOf((requestDelegate) => registerer.register({ requestDelegate }));
    },
    call(to) {
        const inviter = new Inviter(userAgent, uriOf(to));
        follow(inviter);
        phone.state = "calling";
        inviter.invite({ requestDelegate: {
            onProgress({ message }) {
                if (message.statusCode === 180)
                    phone.state = "ringing";
            },
            onReject({ message }) {
                phone.status = message.statusCode;
            },
        } });
    },
    answer: () => { session.accept(); },
    refuse: (statusCode) => { session.reject({ statusCode }); },
    cancel: () => { session.cancel(); },
    bye: () => { session.bye(); },
    hold(hold) {
        session.sessionDescriptionHandlerOptionsReInvite = { hold };
        return statusOf((requestDelegate) => session.invite({ requestDelegate }));
    },
    message: (to, text) => statusOf((requestDelegate) =>
        new Messager(userAgent, uriOf(to), text).message({ requestDelegate })),
};

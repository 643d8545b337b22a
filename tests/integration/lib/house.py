"""A domain with users, and what stands around it."""

import json

from .daemon import config, route
from .digest import challenges, credentials
from .message import unique

DOMAIN = "biloxi.com"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}
NOBODY = "<sip:eve@elsewhere.example>;tag=e"
REFUSED = range(400, 500)


class House:
    """A domain with users; Bob is registered. `victim` is somebody elsewhere,
    `gateway` a peer in `trust`, `two` a route that forks to both."""

    def __init__(self, start_daemon, addresses, directory, peers,
                 trusts_itself=False, **sections):
        self.ip = addresses.take()
        self.address = (self.ip, 5060)
        users = directory / "users.yaml"
        users.write_text(json.dumps({"users": {
            user: {"password": word} for user, word in PASSWORDS.items()}}))
        self.caller, self.bob, self.victim = (peers.udp() for _ in range(3))
        self.gateway = peers.udp(addresses.take_trusted())
        self.daemon = start_daemon(config(
            self.ip, DOMAIN,
            domains={DOMAIN: {"users_file": str(users),
                              "aliases": ["sip.biloxi.com"]}},
            trust=[addresses.trusted_net] + [self.ip] * trusts_itself,
            routes=[route("two", "sip:x@" + self.gateway.hostport,
                          "sip:x@" + self.victim.hostport),
                    route("gw", "sip:x@" + self.gateway.hostport),
                    route("fwd", "sip:x@" + self.victim.hostport),
                    {**route("pstn", "sip:x@" + self.gateway.hostport),
                     "auth": "required"},
                    {"name": "members", "forward": "registered",
                     "match": {"request.user": "alice",
                               "request.domain": "local"},
                     "auth": "required"}],
            **sections))
        self.register()

    def register(self, user="bob", contact=None, **fields):
        uri = "sip:" + DOMAIN
        me = "<sip:%s@%s>" % (user, DOMAIN)
        contact = contact or "<sip:bob@%s>" % self.bob.hostport
        fields = {"from_": me + ";tag=r", "to": me, "call_id": unique("reg"),
                  **fields}

        def ask(cseq, extra):
            request = self.bob.request("REGISTER", uri, cseq=cseq, extra=extra,
                                       **fields).replace("Contact", contact)
            self.bob.send(request, self.address)
            return self.bob.expect_response(request)
        challenge = challenges(ask(1, []))["SHA-256"]
        return ask(2, [("Authorization", credentials(
            challenge, user, PASSWORDS[user], "REGISTER", uri))])

    def ask(self, uri, method="OPTIONS", peer=None, **fields):
        """The request of a stranger; nothing is waited for."""
        peer = peer or self.caller
        fields.setdefault("from_", NOBODY)
        request = peer.request(method, uri, **fields)
        peer.send(request, self.address)
        return request

    def assert_refused(self, request, seconds=0.02):
        """Answered with a 4xx, and nobody outside has seen it."""
        answer = self.caller.expect_response(request)
        assert answer.status in REFUSED, answer
        for peer in (self.victim, self.gateway):
            peer.expect_nothing(request.call_id, seconds)

    def dialog(self):
        """A stranger's call to Bob that is up: (INVITE as sent, as Bob got it,
        its 200)."""
        invite = self.ask("sip:bob@" + DOMAIN, "INVITE")
        got = self.bob.expect_request("INVITE", invite.call_id)
        ok = self.bob.reply(got, 200)
        self.caller.expect_response(invite, 200)
        self.caller.send(self.caller.in_dialog("ACK", invite, ok, cseq=1),
                         self.address)
        self.bob.expect_request("ACK", invite.call_id)
        return invite, got, ok

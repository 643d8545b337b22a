"""One proxy, a few callees, and plans that say in which order they ring: what
forking tests are written in."""

from . import settings
from .daemon import Daemon, HasDaemon, config
from .endpoint import AT_ONCE_S, QUIET_S, UdpPeer
from .message import build_ack, build_cancel, unique


class Switchboard(HasDaemon):
    """plans: {user: tree}; a tree is a list of callee numbers and lists, the
    outermost in parallel, or ("sequential", list), or either with a map of
    more to say in `forward`: (fork, list, {...}). Texts are URIs. The caller is
    in `trust`, the stranger is not."""

    def __init__(self, directory, addresses, plans, name="viaductd", callees=4,
                 ip=None, **sections):
        self.ip = ip or addresses.take()
        self.address = (self.ip, 5060)
        self.callees = [UdpPeer(addresses.take()) for _ in range(callees)]
        self.caller = UdpPeer(addresses.take_trusted())
        self.stranger = UdpPeer(addresses.take())
        routes = [self._route(user, plan) for user, plan in plans.items()]
        sections.setdefault("trust", [addresses.trusted_net])
        self.daemon = Daemon(directory, config(
            self.ip, "biloxi.com", routes=routes, **sections), name)

    def _route(self, user, plan):
        fork, tree, more = (*plan, {})[:3] if isinstance(plan, tuple) else (
            "parallel", plan, {})
        return {"name": user,
                "match": {"request.user": user, "request.domain": "local"},
                "forward": {"to": self._uris(tree), "fork": fork, **more}}

    def _uris(self, tree):
        if isinstance(tree, list):
            return [self._uris(part) for part in tree]
        return tree if isinstance(tree, str) else self.uri(tree)

    def uri(self, i):
        return "sip:callee%d@%s" % (i, self.callees[i].hostport)

    def close(self):
        super().close()
        for peer in self.callees + [self.caller, self.stranger]:
            peer.close()

    def call(self, user, method="INVITE", caller=None, **fields):
        return Call(self, caller or self.caller, user, method, fields)


class Call:
    """A request that has been sent (send=False: is to be), seen from the
    caller."""

    def __init__(self, board, caller, user, method, fields):
        is_sent = fields.pop("send", True)
        self.board, self.caller, self.method = board, caller, method
        uri = user if ":" in user else "sip:%s@biloxi.com" % user
        self.request = caller.request(method, uri, **fields)
        if is_sent:
            self.send()

    def send(self, what=None):
        self.caller.send(what or self.request, self.board.address)

    def leg(self, i, seconds=None):
        """The copy that reaches callee i next."""
        peer = self.board.callees[i]
        return Leg(self, peer, peer.expect_request(
            self.method, self.request.call_id, seconds))

    def not_called(self, *numbers, seconds=QUIET_S):
        """Nothing (more) reaches these callees."""
        for i in numbers:
            self.board.callees[i].expect_nothing(self.request.call_id, seconds)
            seconds = 0.05

    def expect(self, status, seconds=None):
        return self.caller.expect_response(self.request, status, seconds)

    def finish(self, status=None, seconds=None):
        """The final response, acknowledged when that is due."""
        final = self.expect(status, seconds)
        if self.method == "INVITE" and final.status >= 300:
            self.send(build_ack(self.request, final))
        return final

    def nothing(self, seconds=QUIET_S):
        """Nothing more reaches the caller, but for a 100."""
        got = self.caller.receive(seconds, lambda m: m.status != 100 and
                                  m.call_id == self.request.call_id)
        assert got is None, "unexpected: %s" % got

    def cancel(self, *extra):
        """Cancel, and see that the CANCEL itself is answered."""
        cancel = build_cancel(self.request)
        cancel.headers[1:1] = extra
        self.send(cancel)
        return self.caller.expect_response(cancel, 200)


class Leg:
    """The same request at a callee, who has a tag of his own."""

    def __init__(self, call, peer, got):
        self.call, self.peer, self.got = call, peer, got
        self.tag = unique("leg")

    def answer(self, status, **parts):
        parts.setdefault("tag", self.tag)
        return self.peer.reply(self.got, status, to=self.call.board.address,
                               **parts)

    def _expect(self, method, seconds=None):
        found = self.peer.receive(
            seconds or settings.patience(AT_ONCE_S),
            lambda m: m.method == method and m.branch == self.got.branch)
        assert found, "no %s; had %s" % (method, self.peer.waiting)
        return found

    def expect_ack(self):
        return self._expect("ACK")

    def expect_cancel(self, seconds=None):
        return self._expect("CANCEL", seconds)

    def cancelled(self, seconds=None):
        """The CANCEL comes, and the callee does as it is told."""
        cancel = self.expect_cancel(seconds)
        self.peer.reply(cancel, 200, to=self.call.board.address)
        self.answer(487)
        self.expect_ack()
        return cancel

    def not_cancelled(self, seconds=QUIET_S):
        found = self.peer.receive(seconds, lambda m: m.method == "CANCEL"
                                  and m.branch == self.got.branch)
        assert found is None, found

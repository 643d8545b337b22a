"""Phones that believe to be elsewhere, and calls as both sides saw them."""

import itertools

from .endpoint import TcpPeer, UdpPeer

INSIDE = "10.9.8.7:5060"  # nobody has it here


class Inside:
    """A peer that believes to be at INSIDE; `trait` goes into its Contact."""

    trait = ""

    @property
    def contact(self):
        tcp = ";transport=tcp" if self.transport == "TCP" else ""
        return "<sip:phone@%s%s%s>" % (INSIDE, tcp, self.trait)

    def via(self, sent_by=None, params=""):
        return super().via(sent_by or INSIDE, params or ";rport")


class NatUdp(Inside, UdpPeer):
    pass


class NatTcp(Inside, TcpPeer):
    pass


class Invalid(NatUdp):
    """As a browser would say: an address that nobody can have."""

    @property
    def contact(self):
        return "<sip:phone@df7jal23ls0d.invalid>"


class Reachable(UdpPeer):
    """Not behind anything, but it wants its flow used (RFC 5626 5.3.2)."""

    @property
    def contact(self):
        return "<sip:phone@%s;ob>" % INSIDE


class Call:
    """An INVITE and its 200, both sides as they saw them."""

    def __init__(self, caller, callee, proxy, uri):
        self.proxy = proxy
        self.caller, self.callee = caller, callee
        self.invite = caller.request("INVITE", uri)
        caller.send(self.invite, proxy.address)
        self.leg = callee.expect_request("INVITE", self.invite.call_id)
        callee.reply(self.leg, 200)
        self.ok = caller.expect_response(self.invite, 200)
        self.cseq = itertools.count(2)
        self.send(caller, self.ack())
        callee.expect_request("ACK", self.invite.call_id)

    def request(self, by, method, **more):
        cseq = next(self.cseq)
        if by is self.caller:
            return by.in_dialog(method, self.invite, self.ok, cseq, **more)
        return by.in_dialog_of_callee(method, self.leg, self.ok, cseq, **more)

    def ack(self):
        return self.caller.in_dialog("ACK", self.invite, self.ok, 1)

    def send(self, by, request):
        by.send(request, self.proxy.address)

    def other(self, by):
        return self.callee if by is self.caller else self.caller

    def pass_on(self, by, method):
        """It reaches the other side as it was sent, and so does its ACK."""
        request, other = self.request(by, method), self.other(by)
        self.send(by, request)
        leg = other.expect_request(method, self.invite.call_id)
        assert leg.uri == request.uri
        assert not leg.lines("Route")
        other.reply(leg, 200)
        ok = by.expect_response(request, 200)
        if method == "INVITE":
            self.send(by, ack_to(by, request, ok))
            other.expect_request("ACK", self.invite.call_id)

    def is_refused(self, by, method, status):
        request = self.request(by, method)
        self.send(by, request)
        by.expect_response(request, status)


def ack_to(by, request, ok):
    """The ACK to a 2xx: a transaction of its own, by the dialog's route."""
    return by.request("ACK", request.uri, from_=request.get("From"),
                      to=ok.get("To"), call_id=request.call_id,
                      cseq=request.get("CSeq").split()[0],
                      extra=[("Route", r) for r in request.lines("Route")])

"""The registrar over the wire: RFC 3261 section 10, RFC 3327, and what a crash
leaves."""

import itertools
import re

import pytest

from lib import message, settings, wait
from lib.daemon import config
from lib.message import build_ack

AOR = "sip:bob@biloxi.com"


class Registrar:
    """A daemon with a registrar, and a phone that registers there."""

    def __init__(self, daemon, ip, phone):
        self.daemon, self.address, self.phone = daemon, (ip, 5060), phone
        self.call_id, self.cseq = message.unique("reg"), itertools.count(1)

    def register(self, *contacts, status=200, expires=None, extra=(), **fields):
        fields = {"to": "<%s>" % AOR, "from_": "<%s>;tag=r" % AOR,
                  "call_id": self.call_id, **fields}
        fields.setdefault("cseq", next(self.cseq))
        more = [("Contact", c) for c in contacts] + list(extra)
        if expires is not None:
            more.append(("Expires", str(expires)))
        request = self.phone.request("REGISTER", "sip:biloxi.com", extra=more,
                                     **fields).replace("Contact", None)
        self.phone.send(request, self.address)
        return self.phone.expect_response(request, status)

    def bindings(self):
        """{URI: seconds left}, by a query."""
        return bindings(self.register())

    def call(self, caller, method="OPTIONS"):
        request = caller.request(method, AOR)
        caller.send(request, self.address)
        return request


def bindings(ok):
    found = [re.match(r"<([^>]*)>.*;expires=(\d+)", c)
             for c in ok.values("Contact")]
    return {m.group(1): int(m.group(2)) for m in found}


def settings_of(ip, **sections):
    return config(ip, "biloxi.com",
                  domains={"biloxi.com": {"authenticate": "none"}},
                  registrar={"min_expires": "1s", "max_contacts": 3}, **sections)


@pytest.fixture
def registrar(start_daemon, addresses, peers):
    ip = addresses.take()
    return Registrar(start_daemon(settings_of(ip)), ip, peers.udp())


def test_add_refresh_and_remove(registrar):
    ok = registrar.register("<sip:x@h.test>;expires=100;q=0.5;+x=\"1\"",
                            "<sip:y@h.test>", expires=200)
    assert 95 <= bindings(ok)["sip:x@h.test"] <= 100
    assert 195 <= bindings(ok)["sip:y@h.test"] <= 200
    assert ";q=0.5" in str(ok) and ';+x="1"' in str(ok) and ok.get("Date")
    assert bindings(registrar.register("<sip:x@h.test>", expires=500))[
        "sip:x@h.test"] > 490
    registrar.register("<sip:x@h.test>", expires=0)
    assert list(registrar.bindings()) == ["sip:y@h.test"]
    registrar.register("*", expires=0)
    assert registrar.bindings() == {}


def test_10_3_a_register_that_may_not_be_forwarded_is_answered_here(registrar):
    registrar.register("<sip:x@h.test>", expires=100, max_forwards=0)
    assert list(registrar.bindings()) == ["sip:x@h.test"]


def test_10_2_1_a_contact_of_another_scheme_is_kept_and_never_called(registrar,
                                                                    peers):
    caller, bob = peers.udp(), peers.udp()
    ok = registrar.register("<mailto:bob@h.test>", "<tel:+1555>;q=1")
    assert set(bindings(ok)) == {"mailto:bob@h.test", "tel:+1555"}
    caller.expect_response(registrar.call(caller), 480)
    registrar.register("<sip:bob@%s>;q=0.1" % bob.hostport)
    request = registrar.call(caller)
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_all_or_nothing(registrar):
    registrar.register("<sip:x@h.test>", cseq=10, expires=300)
    registrar.register("<sip:y@h.test>", "<sip:x@h.test>;expires=0", cseq=9,
                       status=500)
    registrar.register(*["<sip:%d@h.test>" % i for i in range(3)], cseq=11,
                       status=403)
    assert list(registrar.bindings()) == ["sip:x@h.test"]


def test_a_binding_ends_and_so_do_calls_to_it(registrar, peers):
    caller, bob = peers.udp(), peers.udp()
    registrar.register("<sip:bob@%s>" % bob.hostport, expires=1)
    wait.until(lambda: registrar.bindings() == {}, settings.patience(5), "expiry")
    request = registrar.call(caller)
    caller.expect_response(request, 480)
    bob.expect_nothing(request.call_id)


def test_calls_fork_in_q_order(registrar, peers):
    caller, last = peers.udp(), peers.udp()
    first = [peers.udp(), peers.udp()]
    registrar.register(*["<sip:a@%s>;q=0.8" % p.hostport for p in first],
                       "<sip:b@%s>;q=0.2" % last.hostport)
    invite = registrar.call(caller, "INVITE")
    for peer in first:
        leg = peer.expect_request("INVITE", invite.call_id)
        assert leg.uri == "sip:a@" + peer.hostport
        last.expect_nothing(invite.call_id)
        peer.reply(leg, 486)
        peer.expect_request("ACK", invite.call_id)
    last.reply(last.expect_request("INVITE", invite.call_id), 603)
    last.expect_request("ACK", invite.call_id)
    caller.send(build_ack(invite, caller.expect_response(invite, 603)),
                registrar.address)


def test_a_contact_on_tcp_is_called_over_tcp(registrar, peers):
    caller, listener = peers.udp(), peers.listener()
    registrar.register("<sip:bob@%s:%d;transport=tcp>" % listener.address[:2])
    request = registrar.call(caller)
    bob = peers.keep(listener.accept())
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_path_becomes_route(registrar, peers):
    caller, edge = peers.udp(), peers.udp()
    path = ["<sip:%s;lr>" % edge.hostport, "<sip:inner.test;lr;x=y>"]
    ok = registrar.register("<sip:bob@h.test>", extra=[
        ("Path", path[0]), ("Path", path[1]), ("Supported", "path")])
    assert ok.values("Path") == path
    request = registrar.call(caller)
    got = edge.expect_request("OPTIONS", request.call_id)
    assert got.uri == "sip:bob@h.test" and got.values("Route") == path
    edge.reply(got, 200)
    caller.expect_response(request, 200)


@pytest.mark.parametrize("more", [[], ["<sip:inner.test;lr>", "<sip:last.test>"]])
def test_16_6_step_6_a_path_that_begins_with_a_strict_router(registrar, peers, more):
    caller, edge = peers.udp(), peers.udp()
    registrar.register("<sip:bob@h.test;x=y>", extra=[
        ("Path", ", ".join(["<sip:%s;a=b>" % edge.hostport, *more]))])
    request = registrar.call(caller)
    got = edge.expect_request("OPTIONS", request.call_id)
    assert got.uri == "sip:%s;a=b" % edge.hostport
    assert got.values("Route") == [*more, "<sip:bob@h.test;x=y>"]
    edge.reply(got, 200)
    caller.expect_response(request, 200)


def test_a_restart_keeps_the_registrations(registrar):
    registrar.register("<sip:x@h.test>", "<sip:y@h.test>;expires=0", expires=300)
    registrar.daemon.stop()
    registrar.daemon.log_file.write_text("")
    registrar.daemon.start()
    found = registrar.bindings()
    # the store keeps whole seconds, rounded up
    assert list(found) == ["sip:x@h.test"] and 280 < found["sip:x@h.test"] <= 301
    # and their Call-ID and CSeq
    registrar.register("<sip:x@h.test>", cseq=1, status=500)


def test_what_was_answered_200_survives_a_kill(registrar):
    for round_ in range(3):
        registrar.register("<sip:%d@h.test>" % round_, expires=300)
        registrar.daemon.kill()
        registrar.daemon.log_file.write_text("")
        registrar.daemon.start()
        assert len(registrar.bindings()) == round_ + 1


def test_memory_forgets_at_the_end(start_daemon, addresses, peers):
    ip = addresses.take()
    made = Registrar(start_daemon(settings_of(ip, store="memory")), ip, peers.udp())
    made.register("<sip:x@h.test>")
    made.daemon.stop()
    made.daemon.log_file.write_text("")
    made.daemon.start()
    assert made.bindings() == {}

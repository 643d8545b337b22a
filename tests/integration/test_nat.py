"""Phones behind network address translation: what they register from is not
what they say, and only what they began comes back (RFC 5626, RFC 3581)."""

import itertools
import os
import shutil
import struct
import time

import pytest

from lib import message, settings, wait
from lib.daemon import config
from lib.endpoint import TcpPeer, UdpPeer
from lib.message import build_ack
from lib.nat import ROUTER_OUTSIDE, NatNetwork
from lib.websocket import WsPeer

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"),
    reason="namespaces and translation need root, ip and nft")

DOMAIN = "biloxi.com"
AOR = "sip:%s@" + DOMAIN
STUN_COOKIE = 0x2112A442


@pytest.fixture(scope="module")
def network():
    with NatNetwork() as made:
        yield made


class Phone:
    """A user agent that knows its own address alone."""

    def __init__(self, user, peer, proxy):
        self.user, self.peer, self.proxy = user, peer, proxy
        self.call_id, self.cseq = message.unique("reg"), itertools.count(1)

    def via(self):
        return self.peer.via(params=";rport")

    def request(self, method, uri, **fields):
        fields.setdefault("from_", "<%s>;tag=%s" % (AOR % self.user,
                                                    message.unique("f")))
        return self.peer.request(method, uri, via=self.via(), **fields)

    def send(self, request):
        self.peer.send(request, self.proxy)
        return request

    def register(self, status=200):
        aor = "<%s>" % (AOR % self.user)
        return self.peer.expect_response(self.send(self.request(
            "REGISTER", "sip:" + DOMAIN, to=aor, from_=aor + ";tag=r",
            call_id=self.call_id, cseq=next(self.cseq))), status)

    def invite(self, user):
        return self.send(self.request("INVITE", AOR % user))

    def answer(self, call_id):
        """Ring and answer: the INVITE as it came, and the 200."""
        invite = self.peer.expect_request("INVITE", call_id)
        self.peer.reply(invite, 180)
        return invite, self.peer.reply(invite, 200)

    def as_caller(self, method, invite, ok, cseq):
        request = self.peer.in_dialog(method, invite, ok, cseq)
        return self.send(request.replace("Via", self.via()))

    def as_callee(self, method, invite, ok, cseq=1):
        request = self.peer.in_dialog_of_callee(method, invite, ok, cseq)
        return self.send(request.replace("Via", self.via()))


@pytest.fixture
def proxy(network, start_daemon):
    ip = network.outside_ip()
    daemon = start_daemon(
        config(ip, DOMAIN, domains={DOMAIN: {"authenticate": "none"}},
               listen=["udp://%s:5060" % ip, "tcp://%s:5060" % ip, "ws://%s:80" % ip],
               store="memory", trace={"level": "summary"}),
        preexec=network.outside.enter)
    daemon.address = (ip, 5060)
    return daemon


@pytest.fixture
def make_phone(network, proxy, peers):
    def make(user, transport="UDP", place=None):
        place = place or network.inside
        ip = network.inside_ip() if place is network.inside else network.outside_ip()
        with place:
            if transport == "UDP":
                peer = UdpPeer(ip)
            elif transport == "TCP":
                peer = TcpPeer.connect(ip, proxy.address)
            else:
                peer = WsPeer.connect(ip, (proxy.address[0], 80))
        return Phone(user, peers.keep(peer), proxy.address)
    return make


every_transport = pytest.mark.parametrize("transport", ["UDP", "TCP", "WS"])


def converse(caller, callee):
    """A call from its INVITE to the ACK, then a request of either side and back
    inside the dialog; the callee hangs up."""
    invite = caller.invite(callee.user)
    there, _ = callee.answer(invite.call_id)
    ok = caller.peer.expect_response(invite, 200)
    caller.as_caller("ACK", invite, ok, 1)
    callee.peer.expect_request("ACK", invite.call_id)
    info = caller.as_caller("INFO", invite, ok, 2)
    callee.peer.reply(callee.peer.expect_request("INFO", invite.call_id), 200)
    caller.peer.expect_response(info, 200)
    bye = callee.as_callee("BYE", there, ok)
    caller.peer.reply(caller.peer.expect_request("BYE", invite.call_id), 200)
    callee.peer.expect_response(bye, 200)


def hang_up_as_caller(caller, callee):
    invite = caller.invite(callee.user)
    callee.answer(invite.call_id)
    ok = caller.peer.expect_response(invite, 200)
    caller.as_caller("ACK", invite, ok, 1)
    callee.peer.expect_request("ACK", invite.call_id)
    bye = caller.as_caller("BYE", invite, ok, 2)
    callee.peer.reply(callee.peer.expect_request("BYE", invite.call_id), 200)
    caller.peer.expect_response(bye, 200)


@every_transport
def test_a_phone_behind_nat_is_called_and_both_sides_send_in_the_dialog(
        network, make_phone, transport):
    caller = make_phone("alice", place=network.outside)
    bob = make_phone("bob", transport)
    ok = bob.register()
    assert "received=" + ROUTER_OUTSIDE in ok.get("Via")
    converse(caller, bob)
    hang_up_as_caller(caller, bob)


@every_transport
def test_a_phone_behind_nat_calls_out_and_both_sides_send_in_the_dialog(
        network, make_phone, transport):
    callee = make_phone("carol", place=network.outside)
    bob = make_phone("bob", transport)
    callee.register()
    converse(bob, callee)
    hang_up_as_caller(bob, callee)


@every_transport
def test_two_phones_behind_one_nat_call_each_other(make_phone, transport):
    alice, bob = make_phone("alice", transport), make_phone("bob", transport)
    alice.register()
    bob.register()
    converse(alice, bob)
    converse(bob, alice)


@every_transport
def test_a_call_to_a_phone_behind_nat_is_cancelled(network, make_phone, transport):
    caller = make_phone("alice", place=network.outside)
    bob = make_phone("bob", transport)
    bob.register()
    invite = caller.invite("bob")
    leg = bob.peer.expect_request("INVITE", invite.call_id)
    bob.peer.reply(leg, 180)
    caller.peer.expect_response(invite, 180)
    caller.send(message.build_cancel(invite))
    bob.peer.reply(bob.peer.expect_request("CANCEL", invite.call_id), 200)
    bob.peer.reply(leg, 487)
    bob.peer.expect_request("ACK", invite.call_id)
    caller.send(build_ack(invite, caller.peer.expect_response(invite, 487)))


@pytest.mark.parametrize("transport", ["TCP", "WS"])
def test_when_its_connection_ends_a_phone_behind_nat_has_no_binding(
        network, make_phone, transport):
    caller = make_phone("alice", place=network.outside)
    bob = make_phone("bob", transport)
    bob.register()
    bob.peer.close()

    def is_gone():
        request = caller.send(caller.request("OPTIONS", AOR % "bob"))
        return caller.peer.expect_response(request).status == 480

    wait.until(is_gone, settings.patience(5), "480")
    again = make_phone("bob", transport)
    again.register()
    converse(caller, again)


# ---- the mapping ----

def stun_request():
    return struct.pack("!HHI", 1, 0, STUN_COOKIE) + os.urandom(12)


def expect_stun(phone):
    """A binding request, and the address that the answer tells
    (RFC 8489 section 14.2)."""
    request = stun_request()
    sock = phone.peer.sock
    sock.sendto(request, phone.proxy)
    sock.settimeout(settings.patience(3))
    answer = sock.recv(1500)
    kind, _, cookie = struct.unpack("!HHI", answer[:8])
    assert (kind, cookie, answer[8:20]) == (0x0101, STUN_COOKIE, request[8:])
    attribute, _, _, family, port = struct.unpack("!HHBBH", answer[20:28])
    assert (attribute, family) == (0x0020, 1)
    ip = struct.unpack("!I", answer[28:32])[0] ^ STUN_COOKIE
    return (".".join(str(b) for b in ip.to_bytes(4, "big")),
            port ^ (STUN_COOKIE >> 16))


def keep_alive_by_stun(phone):
    assert expect_stun(phone)[0] == ROUTER_OUTSIDE


def keep_alive_by_crlf(phone):
    phone.peer.send(b"\r\n\r\n", phone.proxy)


FORGETS_S = 2


@pytest.fixture
def forgetful(network):
    network.forget_udp_after(FORGETS_S)
    yield
    network.forget_udp_after(30)


@pytest.mark.parametrize("keep_alive", [keep_alive_by_stun, keep_alive_by_crlf])
def test_keep_alives_keep_the_mapping(network, make_phone, forgetful, keep_alive):
    caller = make_phone("alice", place=network.outside)
    bob = make_phone("bob")
    bob.register()
    end = time.monotonic() + 2 * FORGETS_S + 1
    while time.monotonic() < end:
        keep_alive(bob)
        time.sleep(FORGETS_S / 4)  # the interval of a phone
    hang_up_as_caller(caller, bob)


def test_without_keep_alives_the_mapping_is_gone(network, make_phone, forgetful):
    """What the test above would show if the translation were none."""
    caller = make_phone("alice", place=network.outside)
    bob = make_phone("bob")
    bob.register()
    time.sleep(2 * FORGETS_S + 1)  # that nothing happens is the point
    invite = caller.invite("bob")
    bob.peer.expect_nothing(invite.call_id, seconds=2)
    caller.send(message.build_cancel(invite))

"""Nobody gets traffic through the proxy to whom it is not due."""

import socket

import pytest

from lib import settings
from lib.message import Message, build_ack, build_cancel

CALLER_ERROR = range(400, 500)


# ---- reflection ----


def test_an_answer_goes_to_the_source_and_is_no_larger_than_twice_the_request(
        proxy, peers):
    caller, victim = peers.udp(), peers.udp()
    request = caller.request("OPTIONS", "sip:eve@far.example",
                             via=caller.via(sent_by=victim.hostport))
    caller.send(request, proxy.address)
    answer = caller.expect_response(request)
    assert len(bytes(answer)) <= 2 * len(bytes(request))
    assert "received=" + caller.address[0] in answer.get("Via")
    caller.expect_nothing(seconds=1)
    victim.expect_nothing(seconds=0.05)


def test_a_stray_response_is_not_forwarded_by_its_second_via(proxy, peers):
    sender, victim = peers.udp(), peers.udp()
    request = sender.request("INVITE", "sip:bob@biloxi.com", via=victim.via())
    for branch in ("z9hG4bKstray", "z9hG4bK0000000000000000.0", ""):
        via = "SIP/2.0/UDP %s;branch=%s" % (proxy.ip, branch)
        stray = Message("SIP/2.0 200 OK", request.headers).add("Via", via)
        sender.send(stray, proxy.address)
    victim.expect_nothing()


# ---- loops and forks ----


def test_a_loop_is_detected(proxy, peers):
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:loop@biloxi.com")
    caller.send(request, proxy.address)
    assert caller.expect_response(request).status in (482, 483)


def test_a_request_that_forks_to_itself_ends_soon(proxy, peers):
    caller = peers.udp()
    used = proxy.daemon.cpu_s()
    request = caller.request("OPTIONS", "sip:bomb@biloxi.com")
    caller.send(request, proxy.address)
    assert caller.expect_response(request).status in (440, 482, 483)
    assert proxy.daemon.cpu_s() - used < settings.patience(0.2)


# ---- no open relay ----

RELAY_ATTEMPTS = {
    "request-uri": lambda r, proxy, far: r("INVITE", "sip:eve@" + far),
    "domain-with-maddr": lambda r, proxy, far: r(
        "INVITE", "sip:eve@biloxi.com;maddr=" + far.split(":")[0]),
    "own-address-with-maddr": lambda r, proxy, far: r(
        "INVITE", "sip:eve@%s;maddr=%s" % (proxy, far.split(":")[0])),
    "route": lambda r, proxy, far: r(
        "INVITE", "sip:bob@biloxi.com", extra=[("Route", "<sip:%s;lr>" % far)]),
    "route-through-us": lambda r, proxy, far: r(
        "INVITE", "sip:eve@" + far,
        extra=[("Route", "<sip:%s;lr>" % proxy), ("Route", "<sip:%s;lr>" % far)]),
    "to-tag": lambda r, proxy, far: r(
        "BYE", "sip:eve@" + far, to="<sip:eve@far.example>;tag=forged",
        extra=[("Route", "<sip:%s;lr>" % proxy)]),
    "forged-token": lambda r, proxy, far: r(
        "BYE", "sip:eve@" + far, to="<sip:eve@far.example>;tag=forged", extra=[
            ("Route", "<sip:0123456789abcdef01234567@%s;lr>" % proxy)]),
    "from-of-ours": lambda r, proxy, far: r(
        "INVITE", "sip:eve@" + far, from_="<sip:bob@biloxi.com>;tag=1"),
    "ack": lambda r, proxy, far: r(
        "ACK", "sip:eve@" + far, extra=[("Route", "<sip:%s;lr>" % proxy)]),
    "strict-route": lambda r, proxy, far: r(
        "INVITE", "sip:" + proxy, extra=[("Route", "<sip:eve@%s>" % far)]),
}


@pytest.mark.parametrize("attempt", RELAY_ATTEMPTS)
def test_a_stranger_relays_nothing(attempt, proxy, peers):
    caller, far = peers.udp(), peers.udp()
    request = RELAY_ATTEMPTS[attempt](caller.request, proxy.ip, far.hostport)
    caller.send(request, proxy.address)
    if request.method != "ACK":
        final = caller.expect_response(request)
        assert final.status in CALLER_ERROR
        if request.method == "INVITE":
            caller.send(build_ack(request, final), proxy.address)
    else:
        caller.expect_nothing()
    far.expect_nothing(seconds=0.2)


def test_a_token_of_another_dialog_relays_nothing(proxy, shared_bob, peers):
    caller, far = peers.udp(), peers.udp()
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(invite, proxy.address)
    shared_bob.reply(shared_bob.expect_request("INVITE", invite.call_id), 200)
    ok = caller.expect_response(invite, 200)
    stolen = [("Route", v) for v in ok.values("Record-Route")]
    bye = caller.request("BYE", "sip:eve@" + far.hostport, extra=stolen,
                         to="<sip:eve@far.example>;tag=x")
    caller.send(bye, proxy.address)
    assert caller.expect_response(bye).status in CALLER_ERROR
    moved = caller.in_dialog("BYE", invite, ok)
    moved.start = "BYE sip:eve@%s SIP/2.0" % far.hostport
    caller.send(moved, proxy.address)
    far.expect_nothing()


def test_a_trusted_peer_may_relay(proxy, peers, addresses):
    caller, far = peers.udp(addresses.take_trusted()), peers.udp()
    request = caller.request("OPTIONS", "sip:eve@" + far.hostport)
    caller.send(request, proxy.address)
    far.reply(far.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_a_cancel_of_nothing_is_481_and_goes_nowhere(proxy, shared_bob, peers):
    caller = peers.udp()
    cancel = build_cancel(caller.request("INVITE", "sip:bob@biloxi.com"))
    caller.send(cancel, proxy.address)
    caller.expect_response(cancel, 481)
    shared_bob.expect_nothing(cancel.call_id, 0.1)


# ---- next hops that lie or fail ----


def test_a_response_must_match_branch_and_method(proxy, shared_bob, peers):
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    got = shared_bob.expect_request("OPTIONS", request.call_id)
    to = shared_bob.source
    other_branch = got.get("Via").replace(got.branch, got.branch + "1")
    for wrong in (got.replace("CSeq", "1 MESSAGE"), got.replace("Via", other_branch)):
        shared_bob.reply(wrong, 200, to=to)
    caller.expect_nothing(request.call_id)
    shared_bob.reply(got, 200, to=to)
    caller.expect_response(request, 200)


def test_a_callee_that_resets_its_connection_fails_only_that_call(proxy, peers):
    listener, caller = peers.listener(proxy.tom_ip), peers.udp()
    invite = caller.request("INVITE", "sip:tom@biloxi.com")
    caller.send(invite, proxy.address)
    tom = listener.accept()
    tom.expect_request("INVITE")
    linger_0 = b"\1\0\0\0\0\0\0\0"  # close() sends a reset
    tom.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
    tom.close()
    listener.close()
    final = caller.expect_response(invite)
    assert final.status == 408 or final.status in range(500, 600)
    caller.send(build_ack(invite, final), proxy.address)
    proxy.assert_serves(caller)

"""What a hostile or broken peer sends, and that others do not notice.

Section headings name the kind of bad input; each test is named by what holds.
"""

import re
import resource
import socket
import time

import pytest

from lib import settings, wait
from lib.daemon import Daemon, config, route
from lib.message import SDP, Message, build_ack, build_cancel, unique

CALLER_ERROR = range(400, 500)
REFUSED = range(400, 600)


class Proxy:
    """The daemon for biloxi.com that most tests share. `address` is where it
    listens; Bob answers over UDP, Tom over TCP."""

    def __init__(self, directory, addresses, name="viaductd", routes=(), **sections):
        self.ip = addresses.take()
        self.address = (self.ip, 5060)
        self.bob_ip, self.tom_ip = addresses.take(), addresses.take()
        routes = [route("bob", "sip:bob@%s" % self.bob_ip),
                  route("tom", "sip:tom@%s;transport=tcp" % self.tom_ip),
                  route("loop", "sip:loop@%s" % self.ip),
                  route("bomb", "sip:bomb@%s;a=1" % self.ip,
                        "sip:bomb@%s;a=2" % self.ip), *routes]
        self.daemon = Daemon(directory, config(
            self.ip, "biloxi.com", routes=routes,
            trust=[addresses.trusted_net], **sections), name)


@pytest.fixture(scope="module")
def proxy(module_dir, addresses):
    made = Proxy(module_dir, addresses)
    try:
        made.daemon.start()
        yield made
        made.daemon.stop()
    finally:
        made.daemon.kill()


@pytest.fixture
def start_proxy(tmp_path, addresses):
    """start_proxy(limits={...}): a proxy with settings of its own."""
    started = []

    def start(**sections):
        made = Proxy(tmp_path, addresses, **sections)
        started.append(made)
        made.daemon.start()
        return made

    yield start
    try:
        for made in started:
            made.daemon.stop()
    finally:
        for made in started:
            made.daemon.kill()


def serves(proxy, peer, seconds=None):
    """A request from a well-behaved peer is answered 200."""
    request = peer.request("OPTIONS", "sip:" + proxy.ip)
    peer.send(request, proxy.address)
    peer.expect_response(request, 200, seconds)


def edited(request, old, new):
    """The bytes of a request with one place changed."""
    raw = bytes(request)
    assert raw.count(old) >= 1
    return raw.replace(old, new, 1)


# ---- malformed messages ----

MALFORMED = {
    "max-forwards-no-number": (b"Max-Forwards: 70", b"Max-Forwards: many"),
    "max-forwards-twice": (b"Max-Forwards: 70", b"Max-Forwards: 70\r\nMax-Forwards: 9"),
    "line-without-colon": (b"Max-Forwards", b"no colon here\r\nMax-Forwards"),
    "nul-in-a-header": (b"Max-Forwards", b"Subject: a\0b\r\nMax-Forwards"),
    "bare-cr-in-a-header": (b"Max-Forwards", b"Subject: a\rb\r\nMax-Forwards"),
    "bare-lf-ends-a-line": (b"Max-Forwards", b"Subject: a\nMax-Forwards"),
    "blank-before-colon-and-control": (b"Max-Forwards", b"Sub\x01ject: a\r\nMax-Forwards"),
    "cseq-of-another-method": (b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"),
    "cseq-overflow": (b"CSeq: 1 ", b"CSeq: 4294967297 "),
    "cseq-twice": (b"CSeq: 1 OPTIONS", b"CSeq: 1 OPTIONS\r\nCSeq: 2 OPTIONS"),
    "call-id-twice": (b"Call-ID:", b"Call-ID: other\r\nCall-ID:"),
    "from-twice": (b"From:", b"From: <sip:x@y.example>;tag=2\r\nFrom:"),
    "content-length-no-number": (b"Content-Length: 0", b"Content-Length: -1"),
    "content-length-overflow": (b"Content-Length: 0", b"Content-Length: 4294967296"),
    "content-length-twice": (b"Content-Length: 0", b"Content-Length: 0\r\nl: 5"),
    "content-length-beyond-the-datagram": (b"Content-Length: 0", b"Content-Length: 9"),
    "unclosed-quote": (b"From: <", b'From: "Alice <'),
    "request-uri-in-brackets": (b"OPTIONS sip:bob@biloxi.com",
                                b"OPTIONS <sip:bob@biloxi.com>"),
    "two-blanks-in-the-request-line": (b"OPTIONS sip:", b"OPTIONS  sip:"),
}


@pytest.fixture(scope="module")
def shared_bob(proxy):
    from lib.endpoint import UdpPeer
    with UdpPeer(proxy.bob_ip) as bob:
        yield bob


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_400_or_dropped_and_never_relayed(
        case, proxy, shared_bob, peers):
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, *MALFORMED[case]), proxy.address)
    answer = caller.receive(0.15)
    assert answer is None or answer.status == 400
    serves(proxy, caller)
    shared_bob.expect_nothing(seconds=0.05)


def test_a_malformed_request_with_usable_key_headers_is_answered_400(
        proxy, peers):
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, *MALFORMED["max-forwards-no-number"]), proxy.address)
    answer = caller.expect_response(request, 400)
    for name in ("Via", "From", "Call-ID", "CSeq"):
        assert answer.get(name).startswith(request.get(name))


REFUSALS = {
    "version": (b" SIP/2.0\r\n", b" SIP/7.0\r\n", 505),
    "scheme": (b" sip:bob@biloxi.com", b" nosuchscheme:bob", 416),
    "proxy-require": (b"From:", b"Proxy-Require: nosuchthing\r\nFrom:", 420),
    "max-forwards": (b"Max-Forwards: 70", b"Max-Forwards: 0", 483),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_rfc_3261_16_3_refuses_gets_its_own_status(
        case, proxy, shared_bob, peers):
    old, new, status = REFUSALS[case]
    caller = peers.udp()
    request = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(edited(request, old, new), proxy.address)
    caller.send(build_ack(request, caller.expect_response(request, status)),
                proxy.address)
    shared_bob.expect_nothing(seconds=0.05)


GARBAGE = [
    b"", b"\0", b"\r\n\r\n", b"hello", b"\xff" * 1400, b"OPTIONS",
    b"OPTIONS sip:bob@biloxi.com SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n",
    b"OPTIONS sip:bob@biloxi.com SIP/2.0\r\nVia: \r\n\r\n", b":" * 60000,
    b"GET / HTTP/1.1\r\nHost: biloxi.com\r\n\r\n",
    b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP [::1;branch=z9hG4bKx\r\n\r\n",
]


def test_garbage_is_dropped_without_an_answer(proxy, peers):
    caller = peers.udp()
    for data in GARBAGE:
        caller.send(data, proxy.address)
    caller.expect_nothing()
    serves(proxy, caller)


def test_nothing_ever_answers_an_ack_or_a_response(proxy, shared_bob, peers):
    caller = peers.udp()
    ack = caller.request("ACK", "sip:bob@biloxi.com")
    foreign = caller.request("ACK", "sip:eve@far.example")
    response = Message("SIP/2.0 200 OK", ack.headers)
    damage = [(b"Max-Forwards: 70", b"Max-Forwards: many"),
              (b"CSeq: 1 ACK", b"CSeq: 1 BYE"), (b"CSeq: 1 ACK", b"CSeq: x"),
              (b"Content-Length: 0", b"Content-Length: 5"),
              (b"Max-Forwards: 70", b"Max-Forwards: 0")]
    for message in (foreign, response):
        caller.send(message, proxy.address)
    for message in (ack, response):
        for old, new in damage:
            caller.send(edited(message, old, new), proxy.address)
    caller.expect_nothing()
    shared_bob.expect_nothing(seconds=0.05)


def test_a_body_is_cut_to_its_content_length(proxy, shared_bob, peers):
    caller = peers.udp()
    request = caller.request("MESSAGE", "sip:bob@biloxi.com", body=SDP)
    caller.send(bytes(request) + b"more than was declared", proxy.address)
    got = shared_bob.expect_request("MESSAGE", request.call_id)
    assert got.body == SDP
    shared_bob.reply(got, 200)
    caller.expect_response(request, 200)


# ---- framing on a stream ----

BAD_FRAMING = {
    "two-lengths": b"Content-Length: 0\r\nContent-Length: 7",
    "two-spellings": b"l: 0\r\nContent-Length: 7",
    "no-number": b"Content-Length: 1x",
    "negative": b"Content-Length: -5",
    "plus": b"Content-Length: +0",
    "64-bit-overflow": b"Content-Length: 18446744073709551616",
    "four-gigabytes": b"Content-Length: 4294967295",
    "absent": b"X-Content-Length: 0",
}


@pytest.mark.parametrize("case", BAD_FRAMING)
def test_after_broken_framing_no_later_byte_is_parsed(
        case, proxy, shared_bob, peers):
    caller = peers.tcp(proxy.address)
    broken = caller.request("OPTIONS", "sip:bob@biloxi.com")
    smuggled = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(broken, b"Content-Length: 0", BAD_FRAMING[case])
                + bytes(smuggled))
    caller.expect_close()
    assert all(m.status in REFUSED and m.call_id == broken.call_id
               for m, _ in caller.waiting)
    shared_bob.expect_nothing(seconds=0.05)


def test_many_messages_in_a_segment_and_one_in_many_are_all_answered(
        proxy, peers):
    caller = peers.tcp(proxy.address)
    requests = [caller.request("OPTIONS", "sip:" + proxy.ip) for _ in range(20)]
    caller.send(b"".join(map(bytes, requests)))
    for request in requests:
        caller.expect_response(request, 200)
    torn = caller.request("OPTIONS", "sip:" + proxy.ip)
    for byte in bytes(torn):
        caller.send(bytes([byte]))
    caller.expect_response(torn, 200)


def test_a_double_crlf_on_a_stream_is_answered_with_one(proxy, peers):
    caller = peers.tcp(proxy.address)
    caller.send(b"\r\n\r\n")
    assert caller.sock.recv(16) == b"\r\n"
    serves(proxy, caller)


# ---- too much of something ----


@pytest.fixture(scope="module")
def small(module_dir, addresses):
    """A proxy with small limits."""
    made = Proxy(module_dir, addresses, "small", limits={
        "message_size": "4KiB", "headers": 40, "vias": 5, "uri_size": "256"})
    try:
        made.daemon.start()
        yield made
        made.daemon.stop()
    finally:
        made.daemon.kill()


TOO_MUCH = {
    "headers": (b"From:", b"X-A: b\r\n" * 41 + b"From:"),
    "vias": (b"From:", b"Via: SIP/2.0/UDP h.example;branch=z9hG4bKq\r\n" * 5 + b"From:"),
    "uri": (b" sip:bob@", b" sip:bob" + b"b" * 300 + b"@"),
    "body": (b"Content-Length: 0\r\n\r\n",
             b"Content-Length: 5000\r\n\r\n" + b"x" * 5000),
}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("case", TOO_MUCH)
def test_more_than_a_limit_allows_is_refused(case, transport, small, peers):
    bob = peers.udp(small.bob_ip)
    caller = peers.udp() if transport == "udp" else peers.tcp(small.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, *TOO_MUCH[case]), small.address)
    answer = caller.receive(settings.patience(1))
    assert answer and answer.status in REFUSED
    bob.expect_nothing(seconds=0.05)
    serves(small, peers.udp())


def test_a_size_is_refused_when_it_is_declared(small, peers):
    caller = peers.tcp(small.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, b"Content-Length: 0", b"Content-Length: 5000"))
    caller.expect_close()


def test_a_head_without_end_is_refused_when_it_is_too_long(small, peers):
    caller = peers.tcp(small.address)
    caller.send(b"OPTIONS sip:bob@biloxi.com SIP/2.0\r\nX-A: " + b"a" * 5000)
    caller.expect_close()


# ---- slow peers ----


def test_a_message_that_takes_too_long_ends_the_connection(start_proxy, peers):
    proxy = start_proxy(limits={"message_timeout": "1s"})
    slow = peers.tcp(proxy.address)
    raw = bytes(slow.request("OPTIONS", "sip:" + proxy.ip))
    began = time.monotonic()
    for i in range(len(raw)):
        slow.send(raw[i:i + 1])
        slow.receive(0.1)  # the pace of the drip
        if slow.is_closed:
            break
        serves(proxy, peers.udp()) if i == 0 else None
    took = time.monotonic() - began
    assert slow.is_closed and 0.8 < took < 1 + settings.patience(2)


def test_an_idle_connection_is_closed_and_one_with_an_open_call_is_not(
        start_proxy, peers):
    proxy = start_proxy(limits={"idle_timeout": "1s"})
    bob, idle = peers.udp(proxy.bob_ip), peers.tcp(proxy.address)
    busy = peers.tcp(proxy.address)
    invite = busy.request("INVITE", "sip:bob@biloxi.com")
    busy.send(invite)
    got = bob.expect_request("INVITE", invite.call_id)
    bob.reply(got, 180)
    idle.expect_close(1 + settings.patience(2))
    busy.receive(1.5, lambda m: False)
    assert not busy.is_closed
    bob.reply(got, 200)
    busy.expect_response(invite, 200)


@pytest.mark.parametrize("limit, n", [
    ("connections_per_source", 3), ("connections", 5)])
def test_connections_above_a_limit_are_closed_and_places_become_free(
        limit, n, start_proxy, peers, addresses):
    proxy = start_proxy(limits={limit: n})
    ip = addresses.take()
    held = [peers.tcp(proxy.address, ip) for _ in range(n)]
    for peer in held:
        serves(proxy, peer)
    peers.tcp(proxy.address, ip).expect_close()
    if limit == "connections_per_source":
        serves(proxy, peers.tcp(proxy.address))
    held.pop().close()
    wait.until(lambda: is_served(proxy, peers.tcp(proxy.address, ip)),
               settings.patience(2), "a free place")


def is_served(proxy, peer):
    request = peer.request("OPTIONS", "sip:" + proxy.ip)
    try:
        peer.send(request)
    except ConnectionError:
        return False
    return peer.receive(1) is not None


# ---- peers that do not read ----


def test_a_client_that_does_not_read_its_answers_costs_only_itself(
        start_proxy, peers):
    proxy = start_proxy(limits={"output_queue": "64KiB"})
    deaf = peers.tcp(proxy.address, receive_buffer=4096)
    flood = bytes(deaf.request("OPTIONS", "sip:" + proxy.ip)) * 200
    deaf.sock.settimeout(settings.patience(1))
    sent, most = 0, 64 << 20  # far above what the kernel's buffers take
    try:
        while sent < most:
            sent += deaf.sock.send(flood)
    except OSError:  # no more is taken, or the connection was closed
        pass
    assert sent < most
    serves(proxy, peers.udp())
    serves(proxy, peers.tcp(proxy.address))


def test_a_callee_that_does_not_read_is_cut_off(start_proxy, peers):
    proxy = start_proxy(limits={"output_queue": "64KiB"})
    listener = peers.listener(proxy.tom_ip)
    caller = peers.udp()
    request = caller.request("MESSAGE", "sip:tom@biloxi.com", body=b"x" * 30000)
    caller.send(request, proxy.address)
    tom = peers.keep(listener.accept())
    for _ in range(600):  # 18 MB, more than the kernel buffers for a peer
        request = request.replace("Call-ID", unique("call"))
        branch = "%s;branch=z9hG4bK%s" % (request.get("Via").split(";")[0], unique("t"))
        request = request.replace("Via", branch)
        caller.send(request, proxy.address)
        if caller.receive(0):
            break
    serves(proxy, peers.udp())
    tom.expect_close()


# ---- floods ----


def test_above_the_transaction_limit_there_is_503_and_later_room_again(
        start_proxy, peers):
    proxy = start_proxy(limits={"transactions": 20})
    bob, caller = peers.udp(proxy.bob_ip), peers.udp()
    invites = [caller.request("INVITE", "sip:bob@biloxi.com") for _ in range(40)]
    for invite in invites:
        caller.send(invite, proxy.address)
    first = caller.receive(settings.patience(2), lambda m: m.status == 503)
    assert first and int(re.match(r"\d+", first.get("Retry-After")).group()) > 0

    ringing = 0
    while True:
        got = bob.receive(0.3, lambda m: m.method == "INVITE")
        if got is None:
            break
        bob.reply(got, 486)
        ringing += 1
    assert 0 < ringing <= 20

    by_id = {i.call_id: i for i in invites}
    while True:
        final = caller.receive(0.3, lambda m: m.status and m.status >= 300)
        if final is None:
            break
        caller.send(build_ack(by_id[final.call_id], final), proxy.address)
    wait.until(lambda: gets_through(proxy, bob, caller), settings.patience(8),
               "room for a new call")


def gets_through(proxy, bob, caller):
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    got = bob.receive(0.3, lambda m: m.call_id == request.call_id)
    if got:
        bob.reply(got, 200)
    return got and caller.expect_response(request).status == 200


def test_a_flood_of_half_open_calls_does_not_stop_a_call(proxy, shared_bob, peers):
    flooder, caller = peers.udp(), peers.udp()
    for _ in range(2000):
        flooder.send(flooder.request("INVITE", "sip:tom@biloxi.com"), proxy.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    began = time.monotonic()
    shared_bob.reply(shared_bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)
    assert time.monotonic() - began < settings.patience(0.5)


# ---- reflection ----


def test_an_answer_goes_to_the_source_and_is_no_larger_than_twice_the_request(
        proxy, peers):
    caller, victim = peers.udp(), peers.udp()
    request = caller.request("OPTIONS", "sip:eve@far.example",
                             via=caller.via(sent_by=victim.hostport))
    caller.send(request, proxy.address)
    answers = []
    while True:
        answer = caller.receive(1.0 if not answers else 0.7)
        if answer is None:
            break
        answers.append(answer)
    assert len(answers) == 1
    assert len(bytes(answers[0])) <= 2 * len(bytes(request))
    assert "received=" + caller.address[0] in answers[0].get("Via")
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
    shared_bob.expect_nothing(seconds=0.1)


# ---- name servers and next hops ----


def test_names_that_do_not_resolve_do_not_delay_a_call(
        start_proxy, peers, addresses):
    silent = peers.udp(port=5353)
    proxy = start_proxy(resolver={"servers": [silent.hostport], "in_flight": 50})
    bob, caller = peers.udp(proxy.bob_ip), peers.udp()
    flooder = peers.udp(addresses.take_trusted())
    for i in range(60):
        flooder.send(flooder.request("OPTIONS", "sip:x@host%d.example" % i),
                     proxy.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    began = time.monotonic()
    caller.send(request, proxy.address)
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)
    assert time.monotonic() - began < settings.patience(0.1)
    above_the_limit = flooder.receive(settings.patience(1), lambda m: m.status == 503)
    assert above_the_limit


def test_a_response_must_match_branch_and_method(proxy, shared_bob, peers):
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    got = shared_bob.expect_request("OPTIONS", request.call_id)
    real_source = shared_bob.source
    lie = got.replace("CSeq", "1 MESSAGE")
    shared_bob.reply(lie, 200, to=real_source)
    shared_bob.reply(got.replace("Via", got.get("Via").replace(got.branch, got.branch + "1")),
                     200, to=real_source)
    caller.expect_nothing(request.call_id)
    shared_bob.reply(got, 200, to=real_source)
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
    serves(proxy, caller)


# ---- descriptors ----


def test_without_descriptors_calls_over_udp_go_on_and_tcp_recovers(
        tmp_path, addresses, peers):
    proxy = Proxy(tmp_path, addresses)
    proxy.daemon.limits = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    try:
        proxy.daemon.start()
        ip = addresses.take()
        held = [peers.tcp(proxy.address, ip) for _ in range(100)]
        used, began = proxy.daemon.cpu_s(), time.monotonic()
        caller = peers.udp()
        while time.monotonic() - began < 1:
            serves(proxy, caller)
            caller.receive(0.05)
        spent = proxy.daemon.cpu_s() - used
        assert spent < settings.patience(0.3), "busy while nothing can be accepted"
        for peer in held:
            peer.close()
        serves(proxy, peers.tcp(proxy.address), settings.patience(3))
        proxy.daemon.stop()
    finally:
        proxy.daemon.kill()


# ---- logs ----


def test_control_characters_of_a_message_are_escaped_in_the_log(
        start_proxy, peers):
    proxy = start_proxy(trace={"level": "full"}, log={"level": "debug"})
    bob, caller = peers.udp(proxy.bob_ip), peers.udp()
    nasty = b'From: "\\\x1b[31m\\\x07red" <sip:alice@atlanta.com>;tag='
    request = caller.request("MESSAGE", "sip:bob@biloxi.com",
                             from_="<sip:alice@atlanta.com>;tag=1",
                             body=b"\x1b[2J\0\r\n2026-01-01 error forged\n" + b"z" * 9000)
    caller.send(edited(request, b"From: <sip:alice@atlanta.com>;tag=", nasty),
                proxy.address)
    broken = edited(caller.request("OPTIONS", "sip:bob@biloxi.com"),
                    b"Call-ID: ", b"Call-ID: \x1b]0;title\x07")
    caller.send(broken, proxy.address)
    bob.receive(0.5)
    proxy.daemon.expect_log(request.call_id)
    raw = proxy.daemon.log_file.read_bytes()
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", raw)
    assert not re.search(rb"(?m)^2026-01-01 error forged", raw)
    assert max(map(len, raw.split(b"\n"))) <= 4096


def test_credentials_never_reach_the_log(start_proxy, peers):
    proxy = start_proxy(trace={"level": "full"}, log={"level": "debug"})
    caller = peers.udp()
    secret = "5ccc069c403ebaf9f0171e9517f40e41"
    for name in ("Authorization", "Proxy-Authorization"):
        value = ('Digest username="bob", realm="biloxi.com", nonce="1", '
                 'uri="sip:biloxi.com", response="%s"' % secret)
        request = caller.request("OPTIONS", "sip:" + proxy.ip, extra=[(name, value)])
        caller.send(request, proxy.address)
        caller.expect_response(request, 200)
        proxy.daemon.expect_log(request.call_id)
    assert secret not in proxy.daemon.log()


def test_a_flood_of_bad_messages_does_not_flood_the_log(start_proxy, peers):
    proxy = start_proxy()
    caller = peers.udp()
    bad = edited(caller.request("OPTIONS", "sip:bob@biloxi.com"),
                 *MALFORMED["line-without-colon"])
    for i in range(20000):
        caller.send(bad, proxy.address)
        if i % 50 == 0:
            caller.receive(0)  # keep the socket's queue short
    serves(proxy, peers.udp(), settings.patience(5))
    assert proxy.daemon.log_file.stat().st_size <= 1 << 20

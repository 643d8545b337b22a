"""Messages that break the grammar, the framing or a size limit: refused or
dropped, relayed never, answered never if they are an ACK or a response."""

import pytest

from lib import settings
from lib.message import SDP, Message, build_ack
from lib.one_proxy import OneProxy, edited

REFUSED = range(400, 600)


# ---- malformed messages ----

MALFORMED = {
    "max-forwards-no-number": (b"Max-Forwards: 70", b"Max-Forwards: many"),
    "max-forwards-twice": (b"Max-Forwards: 70",
                           b"Max-Forwards: 70\r\nMax-Forwards: 9"),
    "line-without-colon": (b"Max-Forwards", b"no colon here\r\nMax-Forwards"),
    "nul-in-a-header": (b"Max-Forwards", b"Subject: a\0b\r\nMax-Forwards"),
    "bare-cr-in-a-header": (b"Max-Forwards", b"Subject: a\rb\r\nMax-Forwards"),
    "bare-lf-ends-a-line": (b"Max-Forwards", b"Subject: a\nMax-Forwards"),
    "control-in-a-name": (b"Max-Forwards", b"Sub\x01ject: a\r\nMax-Forwards"),
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


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_400_or_dropped_and_never_relayed(
        case, proxy, shared_bob, peers):
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, *MALFORMED[case]), proxy.address)
    answer = caller.receive(0.15)
    assert answer is None or answer.status == 400
    proxy.assert_serves(caller)
    shared_bob.expect_nothing(request.call_id, 0.05)


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
    shared_bob.expect_nothing(request.call_id, 0.05)


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
    proxy.assert_serves(caller)


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
    shared_bob.expect_nothing(ack.call_id, 0.05)


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
    for request in (broken, smuggled):
        shared_bob.expect_nothing(request.call_id, 0.05)


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
    proxy.assert_serves(caller)


# ---- too much of something ----


@pytest.fixture(scope="module")
def small(module_dir, addresses):
    """A proxy with small limits."""
    with OneProxy(module_dir, addresses, "small", limits={
            "message_size": "4KiB", "headers": 40, "vias": 5,
            "uri_size": "1KiB"}) as made:
        yield made


TOO_MUCH = {
    "headers": (b"From:", b"X-A: b\r\n" * 41 + b"From:"),
    "vias": (b"From:",
             b"Via: SIP/2.0/UDP h.example;branch=z9hG4bKq\r\n" * 5 + b"From:"),
    "uri": (b" sip:bob@", b" sip:bob" + b"b" * 1100 + b"@"),
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
    small.assert_serves(peers.udp())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_message_that_is_too_large_is_told_so(transport, small, peers):
    caller = peers.udp() if transport == "udp" else peers.tcp(small.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, *TOO_MUCH["body"]), small.address)
    answer = caller.expect_response(request)
    assert answer.start == "SIP/2.0 513 Message Too Large"


def test_a_size_is_refused_when_it_is_declared(small, peers):
    caller = peers.tcp(small.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(edited(request, b"Content-Length: 0", b"Content-Length: 5000"))
    caller.expect_close()


def test_a_head_without_end_is_refused_when_it_is_too_long(small, peers):
    caller = peers.tcp(small.address)
    caller.send(b"OPTIONS sip:bob@biloxi.com SIP/2.0\r\nX-A: " + b"a" * 5000)
    caller.expect_close()

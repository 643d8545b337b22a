"""SIP over WebSocket: RFC 7118, and of RFC 6455 each rule that a server must
keep, checked at byte level. What only the bytes decide, at every cut, is in
tests/unit/transport/test_ws_*.c."""

import socket
import time
from email.utils import parsedate_to_datetime

import pytest

from lib import message, settings
from lib.certs import Authority
from lib.daemon import Daemon, HasDaemon, config, route
from lib.message import SDP, build_ack
from lib.websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT,
                           Stream, WsPeer, accept_of, close_frame, frame,
                           open_websocket, upgrade)

PORT = 8080
SECURE_PORT = 8443
V6_PORT = 15081
PAGE = "https://phone.biloxi.com"


class Site(HasDaemon):
    """A daemon for biloxi.com with a registrar, on UDP, TCP and WebSocket."""

    def __init__(self, directory, addresses, name="viaductd", v6=False,
                 **sections):
        self.ip = addresses.take()
        self.address = (self.ip, PORT)
        self.udp = (self.ip, 5060)
        self.addresses = addresses
        self.bob_ip = addresses.take()
        self.client_ip = addresses.take()
        sections.setdefault("routes", [
            route("bob", "sip:bob@%s" % self.bob_ip),
            route("nowhere", "sip:x@%s:8090;transport=ws" % self.bob_ip)])
        conf = config(self.ip, "biloxi.com",
                      domains={"biloxi.com": {"registrar": True,
                                             "authenticate": "none"}},
                      store="memory", **sections)
        self.authority = Authority(directory / (name + ".ca"))
        pair = self.authority.issue("DNS:biloxi.com")
        conf["tls"] = {"node": {"certificate": str(pair.certificate),
                                "key": str(pair.key)}}
        conf["listen"] += [
            {"url": "wss://%s:%d" % (self.ip, SECURE_PORT), "tls": "node",
             "origins": [PAGE]},
            "ws://%s:%d" % self.address,
            {"url": "ws://%s:%d" % (self.ip, PORT + 1), "origins": [PAGE]}]
        if v6:
            conf["listen"].append("ws://[::1]:%d" % V6_PORT)
        self.daemon = Daemon(directory, conf, name)

    def stream(self, port=PORT, **options):
        """A connection, not upgraded."""
        return Stream.connect(self.client_ip, (self.ip, port), **options)

    def websocket(self, request=None, **options):
        return open_websocket(self.client_ip, self.address, request, **options)

    def phone(self, **options):
        return WsPeer.connect(self.client_ip, self.address, **options)

    def secure_phone(self, **options):
        return WsPeer.connect(self.client_ip, (self.ip, SECURE_PORT),
                              tls=self.authority.client_context(),
                              server_name="biloxi.com", **options)

    def assert_serves(self):
        phone = self.phone()
        request = options(phone)
        phone.send(request)
        phone.expect_response(request, 200)
        phone.close()


def options(phone, **fields):
    return phone.request("OPTIONS", "sip:biloxi.com", **fields)


def register(phone, user, status=200, expires=300, **fields):
    aor = "sip:%s@biloxi.com" % user
    request = phone.request("REGISTER", "sip:biloxi.com", to="<%s>" % aor,
                            from_="<%s>;tag=r" % aor,
                            extra=[("Expires", str(expires))], **fields)
    phone.send(request)
    return phone.expect_response(request, status)


@pytest.fixture(scope="module")
def site(module_dir, addresses):
    with Site(module_dir, addresses, v6=True) as made:
        yield made


@pytest.fixture
def start_site(tmp_path, addresses):
    started = []

    def start(**sections):
        made = Site(tmp_path, addresses, **sections).__enter__()
        started.append(made)
        return made

    yield start
    for made in started:
        if made.daemon.process.poll() is None:
            made.__exit__()


@pytest.fixture
def bob(site, peers):
    return peers.udp(site.bob_ip)


@pytest.fixture
def ws(site):
    stream = site.websocket()
    yield stream
    stream.close()


@pytest.fixture
def phone(site):
    with site.phone() as made:
        yield made


# ---- the upgrade (RFC 6455 4.2, RFC 7118 4) ----


def test_an_upgrade_is_answered_101_with_the_key_and_sip(site):
    stream = site.stream()
    stream.send(upgrade())
    got = stream.answer()
    assert got.status == 101
    assert got.fields["upgrade"].lower() == "websocket"
    assert got.fields["connection"].lower() == "upgrade"
    assert got.fields["sec-websocket-accept"] == accept_of(
        "dGhlIHNhbXBsZSBub25jZQ==")
    assert got.fields["sec-websocket-protocol"] == "sip"
    assert "sec-websocket-extensions" not in got.fields
    stream.close()


def test_an_upgrade_may_come_byte_by_byte_and_frames_right_after_it(site):
    stream = site.stream()
    for byte in upgrade():
        stream.send(bytes([byte]))
    assert stream.answer().status == 101
    stream.close()
    stream = site.stream()
    stream.send(upgrade() + frame(PING, b"early"))
    assert stream.answer().status == 101
    assert stream.frame().payload == b"early"
    stream.close()


@pytest.mark.parametrize("request_, status, field", [
    (upgrade(drop=["Upgrade", "Connection"]), 426, "upgrade"),
    (upgrade(Sec_WebSocket_Version="8"), 426, "sec-websocket-version"),
    (upgrade(drop=["Sec-WebSocket-Version"]), 426, "sec-websocket-version"),
    (upgrade(drop=["Sec-WebSocket-Protocol"]), 400, None),
    (upgrade(Sec_WebSocket_Protocol="xmpp"), 400, None),
    (upgrade(drop=["Sec-WebSocket-Key"]), 400, None),
    (upgrade(Sec_WebSocket_Key="c2hvcnQ="), 400, None),
    (upgrade(drop=["Host"]), 400, None),
    (upgrade(extra=[("Host", "again")]), 400, None),
    (upgrade(line="POST / HTTP/1.1"), 405, "allow"),
    (upgrade(line="GET / HTTP/1.0"), 505, None),
    (upgrade(line="GET / HTTP/2.0"), 505, None),
    (upgrade(line="GET /"), 400, None),
    (upgrade(extra=[("X", "x" * 9000)]), 431, None),
    (upgrade(extra=[("X", "x")] * 100), 431, None),
    (b"\x16\x03\x01\x00\x05hello", 400, None),
    (b"OPTIONS sip:biloxi.com SIP/2.0\r\n\r\n", 400, None),
])
def test_other_requests_are_answered_and_the_connection_ends(
        site, request_, status, field):
    stream = site.stream()
    stream.send(request_)
    got = stream.answer()
    assert got.status == status
    assert "close" in got.fields["connection"]
    assert field is None or got.fields[field]
    assert got.body  # for people
    assert parsedate_to_datetime(got.fields["date"])  # RFC 9110 6.6.1
    stream.expect_end()
    stream.close()


def test_a_plain_get_is_told_what_this_is(site):
    stream = site.stream()
    stream.send(b"GET / HTTP/1.1\r\nHost: biloxi.com\r\n\r\n")
    got = stream.answer()
    assert got.status == 426 and b"SIP over WebSocket" in got.body
    assert got.fields["sec-websocket-version"] == "13"
    stream.close()


@pytest.mark.parametrize("origin, status", [
    (PAGE, 101), (None, 101), ("https://evil.example", 403), ("null", 403),
    (PAGE + ".evil.example", 403), (PAGE + ":8443", 403)])
def test_only_pages_of_the_listed_origins_connect(site, origin, status):
    stream = site.stream(PORT + 1)
    stream.send(upgrade(extra=[("Origin", origin)] if origin else []))
    assert stream.answer().status == status
    stream.close()


def test_without_a_list_every_origin_connects(site):
    site.websocket(upgrade(extra=[("Origin", "https://evil.example")])).close()


def test_what_a_reverse_proxy_says_of_the_source_is_not_believed(site, addresses):
    """X-Forwarded-For is anybody's to write."""
    with WsPeer(site.websocket(upgrade(extra=[
            ("X-Forwarded-For", "192.0.2.1"),
            ("Forwarded", "for=192.0.2.1")]))) as phone:
        request = options(phone)
        phone.send(request)
        via = phone.expect_response(request, 200).get("Via")
        assert ";received=" + site.client_ip in via


# ---- frames (RFC 6455 5, 7, 8) ----


SIP = b"OPTIONS sip:biloxi.com SIP/2.0\r\n"


@pytest.mark.parametrize("sent, code", [
    (frame(TEXT, SIP, masked=False), 1002),              # 5.1
    (frame(PING, masked=False), 1002),
    (frame(TEXT, SIP, rsv=4), 1002),                     # 5.2
    (frame(TEXT, SIP, rsv=2), 1002),
    (frame(TEXT, SIP, rsv=1), 1002),
    (frame(3, SIP), 1002),
    (frame(11), 1002),
    (frame(TEXT, SIP, length_bytes=8), 1002),
    (frame(BINARY, b"", length_bytes=2), 1002),
    (frame(BINARY, b"", declared=1 << 63), 1002),
    (frame(BINARY, b"", declared=(1 << 63) - 1), 1009),  # nothing has come
    (frame(BINARY, b"", declared=1 << 32), 1009),
    (frame(TEXT, b"", declared=65537), 1009),
    (frame(CONTINUATION, SIP), 1002),                    # 5.4
    (frame(TEXT, SIP, final=False) + frame(TEXT, SIP), 1002),
    (frame(TEXT, b"x" * 65000, final=False)
     + frame(CONTINUATION, b"", declared=537), 1009),
    (frame(PING, final=False), 1002),                    # 5.5
    (frame(PING, b"x" * 126), 1002),
    (frame(CLOSE, b"x"), 1002),                          # 5.5.1
    (close_frame(1005), 1002),                           # 7.4
    (close_frame(1006), 1002),
    (close_frame(2999), 1002),
    (close_frame(1000, b"\xff"), 1007),
    (frame(TEXT, b"\xff"), 1007),                        # 8.1
    (frame(TEXT, b"\xc3", final=False) + frame(CONTINUATION), 1007),
    (close_frame(1000), 1000),                           # 5.5.1
    (close_frame(4321, b"tired"), 4321),
    (close_frame(), None),
])
def test_the_connection_ends_with_the_code_that_says_why(site, ws, sent, code):
    ws.send(sent)
    ws.expect_close(code)
    site.assert_serves()


def test_after_a_close_frame_nothing_is_heard_or_said(ws):
    ws.send(close_frame(1000) + frame(PING) + frame(TEXT, SIP))
    ws.expect_close(1000)


def test_a_ping_is_answered_with_its_bytes(ws):
    for payload in (b"", b"x", b"\xff" * 125):
        ws.send(frame(PING, payload))
        got = ws.frame()
        assert got.opcode == PONG and got.payload == payload
        assert got.is_final and not got.is_masked


def test_a_pong_that_nobody_asked_for_is_ignored(ws):
    ws.send(frame(PONG, b"x") + frame(PING, b"y"))
    assert ws.frame().payload == b"y"


def test_messages_come_in_text_and_in_binary_frames(phone):
    """RFC 7118 4.2"""
    for opcode in (TEXT, BINARY):
        request = options(phone)
        phone.ws.send(frame(opcode, bytes(request)))
        phone.expect_response(request, 200)
    assert phone.frames == [TEXT, TEXT]


def test_a_message_may_come_in_fragments_with_pings_between(phone):
    request = options(phone)
    raw = bytes(request)
    phone.ws.send(frame(TEXT, raw[:10], final=False) + frame(PING, b"1"))
    assert phone.ws.frame().payload == b"1"
    phone.ws.send(frame(CONTINUATION, raw[10:10], final=False))
    phone.ws.send(frame(CONTINUATION, raw[10:100], final=False))
    phone.ws.send(frame(PING, b"2") + frame(CONTINUATION, raw[100:]))
    assert phone.ws.frame().payload == b"2"
    phone.expect_response(request, 200)


def test_a_message_may_come_byte_by_byte(phone):
    request = options(phone)
    for byte in frame(TEXT, bytes(request)):
        phone.ws.send(bytes([byte]))
    phone.expect_response(request, 200)


def test_many_messages_may_share_a_segment(phone):
    requests = [options(phone) for _ in range(50)]
    phone.ws.send(b"".join(frame(TEXT, bytes(r)) for r in requests))
    for request in requests:
        phone.expect_response(request, 200)


@pytest.mark.parametrize("length", [0, 125, 126, 3000, 4096, 40000, 60000])
def test_a_body_of_any_length_passes(phone, bob, length):
    body = bytes(32 + i % 90 for i in range(length))
    request = phone.request("MESSAGE", "sip:bob@biloxi.com", body=body)
    phone.send(request)
    got = bob.expect_request("MESSAGE", request.call_id)
    assert got.body == body
    bob.reply(got, 200, body=body)
    assert phone.expect_response(request, 200).body == body


# ---- SIP over it (RFC 7118 4.2, 5, 6) ----


def test_what_is_no_utf8_goes_out_in_a_binary_frame(site, phone, bob):
    register(phone, "carol")
    for body, opcode in ((b"\xff\xfe binary", BINARY), (SDP, TEXT)):
        request = bob.request("MESSAGE", "sip:carol@biloxi.com", body=body)
        bob.send(request, site.udp)
        got = phone.expect_request("MESSAGE", request.call_id)
        assert got.body == body and phone.frames[-1] == opcode
        phone.reply(got, 200)
        bob.expect_response(request, 200)


def test_content_length_may_be_missing(phone, bob):
    request = phone.request("MESSAGE", "sip:bob@biloxi.com", body=SDP)
    phone.send(request.replace("Content-Length", None))
    got = bob.expect_request("MESSAGE", request.call_id)
    assert got.body == SDP
    bob.reply(got, 200)
    phone.expect_response(request, 200)


def test_octets_beyond_content_length_are_discarded(phone, bob):
    """One message in each, so there is no second one (RFC 3261 18.3)."""
    request = phone.request("MESSAGE", "sip:bob@biloxi.com", body=SDP)
    second = phone.request("MESSAGE", "sip:bob@biloxi.com")
    phone.send(bytes(request) + bytes(second))
    got = bob.expect_request("MESSAGE", request.call_id)
    assert got.body == SDP
    bob.reply(got, 200)
    phone.expect_response(request, 200)
    bob.expect_nothing(second.call_id)


def test_a_body_shorter_than_content_length_is_400_and_the_connection_stays(phone):
    request = options(phone)
    phone.send(request.replace("Content-Length", "9"))
    phone.expect_response(request, 400)
    request = options(phone)
    phone.send(request)
    phone.expect_response(request, 200)


def test_a_malformed_message_is_400_and_the_connection_stays(phone):
    request = options(phone)
    phone.send(request.replace("CSeq", "x"))
    assert phone.receive(settings.patience(3)).status == 400
    for nonsense in (b"x", b"\r", b"GET / HTTP/1.1\r\n\r\n", b"\r\n", b""):
        phone.send(nonsense)
    request = options(phone)
    phone.send(request)
    phone.expect_response(request, 200)


def test_crlf_crlf_is_answered_with_crlf(phone):
    """RFC 7118 6, RFC 5626 3.5.1"""
    phone.send(b"\r\n\r\n")
    got = phone.ws.frame()
    assert got.opcode == TEXT and got.payload == b"\r\n"


def test_empty_lines_before_a_message_are_skipped(phone):
    request = options(phone)
    phone.send(b"\r\n\r\n" + bytes(request))
    phone.expect_response(request, 200)


def test_the_answer_goes_down_the_connection_whatever_via_says(site, bob, phone):
    """RFC 7118 5.3 and 5; sent-by may be a name in .invalid, or a lie."""
    for sent_by in ("df7jal23ls0d.invalid", "df7jal23ls0d.invalid:5060",
                    site.bob_ip + ":5060"):
        for params in ("", ";rport"):
            request = options(phone, via=phone.via(sent_by, params))
            phone.send(request)
            phone.expect_response(request, 200)
    bob.expect_nothing(seconds=0.1)


def test_an_answer_without_its_connection_goes_nowhere(site, bob, peers):
    listener = peers.listener(site.client_ip, 8090)
    with site.phone() as phone:
        request = phone.request("INVITE", "sip:bob@biloxi.com",
                                via=phone.via(site.client_ip + ":8090"))
        phone.send(request)
        invite = bob.expect_request("INVITE", request.call_id)
    bob.reply(invite, 486)
    bob.expect_request("ACK", request.call_id)
    listener.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        listener.sock.accept()


def test_nobody_connects_to_a_websocket_client(site, peers, bob):
    """A hop with transport=ws is reached over its connection or not at all."""
    listener = peers.listener(site.bob_ip, 8090)
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:nowhere@biloxi.com")
    caller.send(request, site.udp)
    got = caller.expect_response(request,
                                 seconds=settings.UNREACHABLE_WITHIN_S)
    assert got.status in settings.UNREACHABLE
    listener.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        listener.sock.accept()


# ---- calls ----


def answer_call(site, caller, callee, uri):
    """INVITE, 180, 200 and ACK; what the callee saw and said."""
    invite = caller.request("INVITE", uri, body=SDP)
    caller.send(invite, site.udp)
    leg = callee.expect_request("INVITE", invite.call_id)
    assert leg.body == SDP
    if callee.transport == "UDP":
        callee.source = site.udp
    callee.reply(leg, 180, tag="b" + invite.call_id)
    caller.expect_response(invite, 180)
    ok = callee.reply(leg, 200, tag="b" + invite.call_id, body=SDP)
    got = caller.expect_response(invite, 200)
    assert got.body == SDP
    ack = caller.in_dialog("ACK", invite, got, cseq=1)
    caller.send(ack, site.udp)
    callee.expect_request("ACK", invite.call_id)
    return invite, got, leg, ok


def end_by_caller(site, caller, callee, call):
    invite, got, _, _ = call
    bye = caller.in_dialog("BYE", invite, got)
    caller.send(bye, site.udp)
    callee.reply(callee.expect_request("BYE", invite.call_id), 200)
    caller.expect_response(bye, 200)


def end_by_callee(site, caller, callee, call):
    invite, _, leg, ok = call
    bye = callee.in_dialog_of_callee("BYE", leg, ok)
    callee.send(bye, site.udp)
    caller.reply(caller.expect_request("BYE", invite.call_id), 200)
    callee.expect_response(bye, 200)


@pytest.mark.parametrize("end", [end_by_caller, end_by_callee])
def test_a_browser_calls_a_desk_phone(site, phone, bob, end):
    call = answer_call(site, phone, bob, "sip:bob@biloxi.com")
    leg = call[2]
    assert leg.get("Via").startswith("SIP/2.0/UDP ")
    routes = leg.values("Record-Route")
    assert len(routes) == 2 and ";transport=ws" in routes[1], routes
    assert ";transport" not in routes[0]
    end(site, phone, bob, call)


@pytest.mark.parametrize("end", [end_by_caller, end_by_callee])
def test_a_desk_phone_calls_a_browser(site, phone, bob, end):
    register(phone, "dave")
    call = answer_call(site, bob, phone, "sip:dave@biloxi.com")
    leg = call[2]
    assert leg.get("Via").startswith("SIP/2.0/WS %s:%d" % site.address)
    routes = leg.values("Record-Route")
    assert len(routes) == 2 and ";transport=ws" in routes[0], routes
    end(site, bob, phone, call)


@pytest.mark.parametrize("end", [end_by_caller, end_by_callee])
def test_two_browsers_call_each_other(site, phone, end):
    with site.phone() as other:
        register(phone, "erin")
        register(other, "frank")
        call = answer_call(site, phone, other, "sip:frank@biloxi.com")
        routes = call[2].values("Record-Route")
        assert len(routes) == 1 and ";transport=ws" in routes[0]
        end(site, phone, other, call)


@pytest.mark.parametrize("end", [end_by_caller, end_by_callee])
def test_a_desk_phone_calls_a_browser_over_wss(site, bob, end):
    with site.secure_phone() as phone:
        register(phone, "mallory")
        call = answer_call(site, bob, phone, "sip:mallory@biloxi.com")
        leg = call[2]
        assert leg.get("Via").startswith(
            "SIP/2.0/WSS %s:%d" % (site.ip, SECURE_PORT))
        routes = leg.values("Record-Route")  # RFC 7118 5.2: there is no wss
        assert len(routes) == 2 and ";transport=ws;" in routes[0], routes
        end(site, bob, phone, call)


def test_over_wss_the_frames_are_the_same(site, bob):
    with site.secure_phone() as phone:
        phone.ws.send(frame(PING, b"x"))
        assert phone.ws.frame() == (PONG, True, False, 0, b"x")
        body = b"x" * 60000
        request = phone.request("MESSAGE", "sip:bob@biloxi.com", body=body)
        phone.send(request)
        got = bob.expect_request("MESSAGE", request.call_id)
        assert got.body == body
        bob.reply(got, 200, body=body)
        assert phone.expect_response(request, 200).body == body
        phone.ws.send(close_frame(1000))
        phone.ws.expect_close(1000)


def test_over_wss_an_origin_is_checked(site):
    stream = site.stream(SECURE_PORT, tls=site.authority.client_context())
    stream.send(upgrade(extra=[("Origin", "https://evil.example")]))
    assert stream.answer().status == 403
    stream.expect_end()
    stream.close()


def test_a_call_that_is_cancelled(site, phone, bob):
    register(phone, "grace")
    invite = bob.request("INVITE", "sip:grace@biloxi.com", body=SDP)
    bob.send(invite, site.udp)
    leg = phone.expect_request("INVITE", invite.call_id)
    phone.reply(leg, 180)
    bob.expect_response(invite, 180)
    bob.send(message.build_cancel(invite), site.udp)
    cancel = phone.expect_request("CANCEL", invite.call_id)
    assert cancel.branch == leg.branch
    phone.reply(cancel, 200)
    phone.reply(leg, 487)
    phone.expect_request("ACK", invite.call_id)
    got = bob.expect_response(invite, 487)
    bob.send(build_ack(invite, got), site.udp)


def test_a_registration_ends_with_its_connection(site, bob):
    with site.phone() as phone:
        register(phone, "heidi")
        request = bob.request("OPTIONS", "sip:heidi@biloxi.com")
        bob.send(request, site.udp)
        phone.reply(phone.expect_request("OPTIONS", request.call_id), 200)
        bob.expect_response(request, 200)

    deadline = time.monotonic() + settings.patience(3)
    status = 0
    while status != 480 and time.monotonic() < deadline:
        request = bob.request("OPTIONS", "sip:heidi@biloxi.com")
        bob.send(request, site.udp)
        status = bob.expect_response(request).status
    assert status == 480


def test_over_ipv6(site):
    with WsPeer(open_websocket("::1", ("::1", V6_PORT))) as phone:
        request = options(phone)
        phone.send(request)
        via = phone.expect_response(request, 200).get("Via")
        assert ";received=::1" in via


# ---- slow, deaf, idle ----


def end_of(stream, seconds):
    """How long it takes until the other side ends the connection."""
    began = time.monotonic()
    stream.until(lambda: None, seconds)
    assert stream.is_closed, "still open"
    return time.monotonic() - began


def test_an_upgrade_must_end_in_time(start_site):
    site = start_site(limits={"handshake_timeout": "1s"})
    silent, half, drip = (site.stream() for _ in range(3))
    half.send(upgrade()[:-2])
    began = time.monotonic()
    for byte in upgrade(extra=[("X", "x" * 1000)]):
        try:
            drip.send(bytes([byte]))
        except OSError:
            break
        if drip.fill(0.05) and drip.is_closed:
            break
    took = time.monotonic() - began
    assert drip.is_closed and 0.8 < took < 1 + settings.patience(2)
    for stream in (silent, half):
        assert end_of(stream, settings.patience(2)) < settings.patience(2)
    site.assert_serves()


def test_tls_and_upgrade_share_one_deadline(start_site):
    site = start_site(limits={"handshake_timeout": "2s"})
    began = time.monotonic()
    stream = site.stream(SECURE_PORT)
    assert not stream.fill(1)  # half of the time is gone before the TLS
    stream.sock = site.authority.client_context().wrap_socket(stream.sock)
    stream.send(upgrade()[:-2])
    end_of(stream, settings.patience(3))
    assert 1.8 < time.monotonic() - began < 2 + settings.patience(0.8)


def test_a_frame_and_a_message_must_end_in_time(start_site):
    site = start_site(limits={"message_timeout": "1s"})
    raw = frame(TEXT, SIP + b"x" * 1000)
    half, head, fragment = (site.websocket() for _ in range(3))
    half.send(raw[:500])
    head.send(raw[:1])
    fragment.send(frame(TEXT, SIP, final=False))
    quiet = site.websocket()  # waits for nothing: no deadline
    began = time.monotonic()
    while not fragment.is_closed:  # what comes meanwhile gives no more time
        try:
            fragment.send(frame(CONTINUATION, b"x", final=False))
            fragment.send(frame(PING))
        except OSError:
            break
        fragment.fill(0.05)
        assert time.monotonic() - began < 1 + settings.patience(2)
    assert time.monotonic() - began > 0.8
    for stream in (half, head):
        end_of(stream, settings.patience(2))
    quiet.send(frame(PING))
    assert quiet.frame().opcode == PONG


def test_a_quiet_connection_is_closed_with_1001(start_site):
    site = start_site(limits={"idle_timeout": "1s"})
    ws = site.websocket()
    began = time.monotonic()
    ws.expect_close(1001, 1 + settings.patience(2))
    assert time.monotonic() - began > 0.8


def test_one_with_a_registration_stays_while_it_answers_pings(start_site):
    site = start_site(limits={"idle_timeout": "1s"})
    with site.phone() as phone:
        register(phone, "ivan")
        assert phone.receive(3.5) is None  # pings are answered below
        assert not phone.is_closed
        request = options(phone)
        phone.send(request)
        phone.expect_response(request, 200)


def test_one_with_a_registration_that_is_gone_without_a_word_is_closed(start_site):
    site = start_site(limits={"idle_timeout": "1s"})
    with site.phone() as phone:
        register(phone, "judy")
        assert phone.ws.frame(1 + settings.patience(2)).opcode == PING
        phone.ws.expect_close(1001, 1 + settings.patience(2))


def test_a_reader_that_does_not_read_costs_only_itself(start_site, peers):
    site = start_site(limits={"output_queue": "64KiB"})
    deaf = site.phone(receive_buffer=4096)
    deaf.ws.sock.settimeout(0.5)
    with pytest.raises(OSError):  # not read any more, or closed
        for _ in range(200000):
            deaf.send(options(deaf))
    began = time.monotonic()
    site.assert_serves()
    assert time.monotonic() - began < settings.patience(1)
    deaf.close()


def test_a_flood_of_pings_is_answered_or_ended(start_site):
    site = start_site(limits={"output_queue": "64KiB"})
    ws = site.websocket(receive_buffer=4096)
    ws.sock.settimeout(0.5)
    with pytest.raises(OSError):
        for _ in range(100000):
            ws.send(frame(PING, b"x" * 125) * 10)
    site.assert_serves()
    ws.close()


def slowest_call(site, phone, bob, number):
    """Seconds from the INVITE to its 200, of that many calls."""
    took = []
    for _ in range(number):
        began = time.monotonic()
        call = answer_call(site, phone, bob, "sip:bob@biloxi.com")
        took.append(time.monotonic() - began)
        end_by_caller(site, phone, bob, call)
    return max(took)


def test_thousands_that_stop_in_the_middle_do_not_slow_a_call(start_site, peers):
    """Of each kind 400: before the upgrade, in it, in a frame, in a message,
    and deaf ones."""
    site = start_site(limits={"handshake_timeout": "5s",
                              "message_timeout": "5s",
                              "connections_per_source": 5000})
    bob = peers.udp(site.bob_ip)
    began = time.monotonic()
    stuck = []
    with site.phone() as phone:
        for _ in range(400):
            silent, half = site.stream(), site.stream()
            half.send(upgrade()[:60])
            framing, fragment, deaf = (site.websocket() for _ in range(3))
            framing.send(frame(TEXT, SIP)[:20])
            fragment.send(frame(TEXT, SIP, final=False))
            deaf.send(frame(PING, b"x" * 125) * 20 + frame(TEXT, SIP)[:5])
            stuck += [silent, half, framing, fragment, deaf]
        assert slowest_call(site, phone, bob, 20) < settings.patience(0.5)
        for stream in stuck:
            stream.until(lambda: None, settings.patience(7))
            assert stream.is_closed
            stream.close()
        assert time.monotonic() - began < settings.patience(20)
        assert slowest_call(site, phone, bob, 5) < settings.patience(0.5)


def test_the_end_of_the_daemon_is_told_with_1001(start_site):
    site = start_site()
    phone, young = site.websocket(), site.stream()
    site.daemon.stop()
    phone.expect_close(1001)
    young.expect_end()


def test_the_end_waits_for_no_connection_whatever_its_state(start_site, peers):
    site = start_site()
    bob = peers.udp(site.bob_ip)
    caller = peers.tcp(site.udp, site.client_ip)
    request = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(request)
    bob.reply(bob.expect_request("INVITE", request.call_id), 180)
    caller.expect_response(request, 180)
    caller.sock.shutdown(socket.SHUT_WR)  # waits for an answer
    others = [peers.tcp(site.udp, site.client_ip), site.stream(),
              site.stream(SECURE_PORT), site.websocket()]
    others[1].send(b"GET / HTTP/1.1\r\n")  # half an upgrade
    others[2].send(b"\x16\x03\x01")  # half a hello
    phone = peers.keep(site.secure_phone())
    register(phone, "eve")
    register(peers.keep(site.phone()), "ann")
    began = time.monotonic()
    site.daemon.stop()
    assert time.monotonic() - began < settings.patience(2)
    caller.expect_close()
    for stream in others:
        stream.close()

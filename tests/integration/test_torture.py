"""RFC 4475 and RFC 5118 through the running daemon. What each message must get
is in tests/data/torture/expected.txt."""

import re
import select
import time

import pytest

from lib import settings
from lib.daemon import Daemon, config
from lib.endpoint import UdpPeer
from lib.message import Message, unique

DIR = settings.DATA / "torture"
ROWS = [line.split() for line in (DIR / "expected.txt").read_text().splitlines()
        if line and not line.startswith("#")]
UDP = {name: (section, udp) for name, section, udp, _ in ROWS}
TCP = {name: tcp for name, _, _, tcp in ROWS if tcp != "-"}


def message(name):
    """Its bytes; some share a branch, so each gets a mark of its own there."""
    raw = (DIR / (name + ".dat")).read_bytes()
    if name == "badbranch":
        return raw
    mark = unique("").encode()
    return re.sub(rb"(?i)(branch\s*=\s*z9hG4bK)", rb"\1" + mark, raw)


@pytest.fixture(scope="module")
def ip(addresses):
    return addresses.take()


@pytest.fixture(scope="module")
def sink(addresses):
    with UdpPeer(addresses.take()) as peer:
        yield peer


@pytest.fixture(scope="module")
def sender_ip(addresses):
    return addresses.take_trusted()


@pytest.fixture(scope="module")
def daemon(module_dir, addresses, ip, sink):
    made = Daemon(module_dir, config(
        ip, "biloxi.com", trust=[addresses.trusted_net],
        limits={"message_timeout": "1s"},
        routes=[{"name": "sink", "match": {"caller": "trusted"}, "forward": {
            "to": "request-uri", "next_hop": "sip:" + sink.hostport}}]))
    try:
        yield made.start()
        made.stop()
    finally:
        made.kill()


def test_every_message_has_its_row():
    assert {p.stem for p in DIR.glob("*.dat")} == set(UDP)


def answer_port(raw):
    """Where an answer to it goes: the port of the topmost Via."""
    via = re.search(rb"(?im)^(?:via|v)\s*:\s*(.*)", raw)
    host = re.match(rb"[^;,]*?\s(\S*?)\s*(?:[;,\r]|$)", via.group(1)) if via else None
    port = re.search(rb"[^:]:(\d+)$", host.group(1)) if host else None
    return int(port.group(1)) if port and b"::" not in host.group(1).split(b"]")[-1] else 5060


def without_edits(raw, ip, original=None):
    """The same bytes without what the proxy may add and change."""
    own = ip.encode()
    for line in (rb"Via: SIP/2\.0/UDP %s:5060;branch=z9hG4bK\w{48}\r\n" % own,
                 rb"Record-Route: <sip:%s:5060;lr;dlg=[\w-]+>\r\n" % own,
                 rb"Record-Route: <sip:%s:5060;transport=tcp;lr;dlg=[\w-]+>\r\n" % own,
                 rb"Max-Breadth: 60\r\n"):
        raw = re.sub(b"(?m)^" + line, b"", raw, count=1)
    if original is not None and b"max-forwards" not in original.lower():
        raw = re.sub(rb"(?m)^Max-Forwards: 70\r\n", b"", raw)
    raw = re.sub(rb"(?im)^(max-forwards\s*:\s*)\d+", rb"\1N", raw)
    return re.sub(rb";\s*(received|rport)(=[^;,\r\n]*)?", b"", raw)


def max_forwards(raw):
    found = re.search(rb"(?im)^max-forwards\s*:\s*(\d+)", raw)
    return int(found.group(1)) if found else 71


def declared(raw):
    """Without the octets beyond Content-Length."""
    length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", raw)
    end = raw.index(b"\r\n\r\n") + 4
    return raw[:end + int(length.group(1))] if length else raw


def call_id(raw):
    found = re.search(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)", raw)
    return found and found.group(1)


def raw_copy(sink, raw, seconds):
    """What of this message reaches the sink; late packets of others and ACKs
    to our own answers do not count."""
    deadline = time.monotonic() + seconds
    while True:
        left = max(0, deadline - time.monotonic())
        if not select.select([sink.sock], [], [], left)[0]:
            return None
        got = sink.sock.recvfrom(65535)[0]
        if call_id(got) == call_id(raw) and not got.startswith(b"ACK "):
            return got


def answer_to(raw, peer, seconds):
    """The final answer; an INVITE's comes again, as nobody acknowledges it."""
    wanted = (call_id(raw) or b"").decode("latin-1")
    return peer.receive(seconds, lambda m: m.status >= 200
                        and (m.call_id or "") == wanted)


def assert_forwarded(raw, got, ip):
    assert got is not None, "it did not reach the sink"
    assert without_edits(got, ip, raw) == without_edits(declared(raw), ip)
    assert max_forwards(got) == max_forwards(raw) - 1
    top = re.search(rb"(?m)^Via: (.*)\r\n", got).group(1)
    assert top.startswith(b"SIP/2.0/UDP " + ip.encode())


def assert_still_serves(daemon, peer, ip):
    request = peer.request("OPTIONS", "sip:" + ip)
    peer.send(request, (ip, 5060))
    peer.expect_response(request, 200)


@pytest.mark.parametrize("name", UDP, ids=lambda n: "%s-%s" % (n, UDP[n][0]))
def test_torture_message_over_udp(daemon, ip, sink, sender_ip, peers, name):
    raw, wanted = message(name), UDP[name][1]
    sender = peers.udp(sender_ip, answer_port(raw))
    sender.send(raw, (ip, 5060))
    if wanted == "forward":
        got = raw_copy(sink, raw, settings.patience(2))
        assert_forwarded(raw, got, ip)
        sink.reply(Message.parse(got), 404, to=(ip, 5060))
        assert answer_to(raw, sender, settings.patience(2)).status == 404
        return
    if wanted != "drop":
        final = answer_to(raw, sender, settings.patience(2))
        assert final and final.status == int(wanted), final
        assert final.get("Via") is not None
        if name == "bext01":
            assert final.values("Unsupported") == ["noProxiesSupportThis",
                                                   "norDoAnyProxiesSupportThis"]
    assert_still_serves(daemon, peers.udp(sender_ip, 5999), ip)
    assert wanted != "drop" or answer_to(raw, sender, 0.02) is None
    assert raw_copy(sink, raw, 0.05) is None


@pytest.mark.parametrize("name", TCP)
def test_torture_message_over_tcp(daemon, ip, sink, sender_ip, peers, name):
    raw, wanted = message(name), TCP[name]
    caller = peers.tcp((ip, 5060), sender_ip)
    caller.send(raw)
    if wanted in ("forward", "two+close"):
        got = raw_copy(sink, raw, settings.patience(2))
        assert_forwarded(raw, got, ip)
        sink.reply(Message.parse(got), 404, to=(ip, 5060))
    if wanted == "forward":
        assert answer_to(raw, caller, settings.patience(2)).status == 404
        return
    if wanted == "two+close":
        rest = raw[len(declared(raw)):].lstrip(b"\r\n")
        second = raw_copy(sink, rest, settings.patience(2))
        assert_forwarded(rest, second, ip)
        sink.reply(Message.parse(second), 404, to=(ip, 5060))
    if wanted == "400+close":
        assert caller.receive(settings.patience(2)).status == 400
    caller.expect_close(1 + settings.patience(2))
    if wanted != "two+close":
        assert raw_copy(sink, raw, 0.05) is None


@pytest.mark.parametrize("name", ["unreason", "noreason"])
def test_the_reason_phrase_of_a_response_leaves_as_it_came(
        daemon, ip, sink, sender_ip, peers, name):
    start = message(name).split(b"\r\n")[0].replace(b" 100 ", b" 183 ")
    sender = peers.udp(sender_ip)
    invite = sender.request("INVITE", "sip:x@example.com")
    sender.send(invite, (ip, 5060))
    got = sink.expect_request("INVITE", invite.call_id)
    for status in (b" 183 ", b" 200 "):
        answer = start.replace(b" 200 ", status).replace(b" 183 ", status)
        response = sink.reply(got, 183, to=("127.0.0.1", 9))
        sink.send(answer + bytes(response)[len(response.start):], (ip, 5060))
        passed = sender.receive(settings.patience(2), lambda m: m.status != 100 and
                                m.call_id == invite.call_id)
        assert passed.start.encode("latin-1") == answer

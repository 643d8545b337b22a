"""Nothing that a peer sends can forge, flood or poison the log."""

import re

from lib import settings
from lib.endpoint import AT_ONCE_S
from lib.one_proxy import edited


def test_control_characters_of_a_message_are_escaped_in_the_log(
        start_proxy, peers):
    proxy = start_proxy(trace={"level": "full"}, log={"level": "debug"})
    bob, caller = peers.udp(proxy.bob_ip), peers.udp()
    forged = b"\x1b[2J\0\r\n2026-01-01 error forged\n"
    nasty = b'From: "\\\x1b[31m\\\x07red" <sip:alice@atlanta.com>;tag='
    request = caller.request("MESSAGE", "sip:bob@biloxi.com",
                             from_="<sip:alice@atlanta.com>;tag=1",
                             body=forged + b"z" * 9000)
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
                 b"Max-Forwards", b"no colon here\r\nMax-Forwards")
    for _ in range(400):  # as fast as it answers: no queue overflows
        for _ in range(50):
            caller.send(bad, proxy.address)
        for _ in range(50):
            assert caller.receive(settings.patience(AT_ONCE_S)).status == 400
    proxy.assert_serves(peers.udp(), settings.patience(5))
    assert proxy.daemon.log_file.stat().st_size <= 1 << 20


def test_each_line_of_a_trace_says_which_flow_and_which_transaction(
        start_proxy, peers):
    proxy = start_proxy(trace={"level": "summary"})
    bob, caller = peers.udp(proxy.bob_ip), peers.udp()
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(invite, proxy.address)
    bob.reply(bob.expect_request("INVITE", invite.call_id), 200)
    ok = caller.expect_response(invite, 200)
    caller.send(caller.in_dialog("ACK", invite, ok, cseq=1), proxy.address)
    bob.expect_request("ACK", invite.call_id)
    broken = edited(bob.request("OPTIONS", "sip:x", call_id=invite.call_id),
                    b"OPTIONS sip:x SIP/2.0", b"SIP/2.0 200 OK")
    bob.send(broken, proxy.address)  # a response that we have not asked for
    bob.send(broken.replace(b"CSeq", b"C Seq"), proxy.address)
    proxy.daemon.expect_log('step=drop why="Malformed Header Field Name"')

    lines = re.findall(r" trace (.* call_id=%s .*)" % re.escape(invite.call_id),
                       proxy.daemon.log())
    here, there = proxy.ip + ":5060", {bob.hostport, caller.hostport}
    seen = {}
    for line in lines:
        value = dict(re.findall(r"(\w+)=(\S+)", line))
        local, arrow, remote = re.fullmatch(
            r"udp:([^<>]*)([<>])(.*)", value["flow"]).groups()
        assert local == here and remote in there
        assert arrow == (">" if value["dir"] == "out" else "<")
        assert value.get("peer", remote) == remote
        seen.setdefault(value["dir"], []).append("txn" in value)
    assert len(seen["in"]) == 5
    assert seen["out"] == [True, True, True, False]  # the ACK has none
    assert True in seen["step"]

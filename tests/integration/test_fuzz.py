"""Mutated messages, thousands of them, into a running daemon: it neither dies
nor grows, and calls of others go on.

VIADUCT_FUZZ_SEED      what the choices are drawn from; a failure prints it
VIADUCT_FUZZ_MESSAGES  how many, over each transport
"""

import json
import os
import re
import time

import pytest

from lib import settings
from lib.fuzz_traffic import PASSWORDS, Traffic
from lib.message import SDP

SEED = int(os.environ.get("VIADUCT_FUZZ_SEED", 1))
MESSAGES = int(os.environ.get("VIADUCT_FUZZ_MESSAGES", 20000 if settings.SLOW else 4000))
BATCH = 20            # messages between looks at what came back
BETWEEN_CALLS = 500   # messages
BETWEEN_RELOADS = 2000
WARM_AFTER = 2000     # messages, when memory should have settled
ROOM_KB = 32 * 1024   # that it may take beyond half again
LOG_MAX = 1 << 20     # bytes, for 20,000 bad messages
LINE_MAX = 4096


def resident_kb(daemon):
    status = open("/proc/%d/status" % daemon.process.pid).read()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


@pytest.fixture
def fuzzed(start_proxy, addresses, tmp_path, monkeypatch):
    """A proxy with short timers, so that what a message leaves behind ends
    during the run. A sanitizer keeps freed memory: not more than a little."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "")
                       + ":quarantine_size_mb=8")
    users = tmp_path / "users.yaml"
    users.write_text(json.dumps({"users": {
        user: {"password": word} for user, word in PASSWORDS.items()
        if user != "nobody"}}))
    silent = "%s:5353" % addresses.take()
    return start_proxy(
        websocket=True,
        domains={"biloxi.com": {"users_file": str(users)}},
        timers={"t1": "50ms", "t2": "200ms", "t4": "200ms", "c": "5s"},
        limits={"connections_per_source": 100, "max_breadth": 8,
                "auth_failures": {"count": 1000000}},
        resolver={"servers": [silent], "timeout": "200ms", "search_timeout": "500ms"})


def send_until_answered(peer, request, proxy, got):
    """RFC 3261 17.1.1: over UDP a request is repeated; `got` looks for what it
    leads to."""
    for _ in range(8):
        peer.send(request, proxy.address)
        found = got(settings.patience(0.5))
        if found or peer.transport == "TCP":
            return found
    return None


def legitimate_call(proxy, caller, carol):
    """INVITE, 200, ACK, BYE between peers that do everything right."""
    invite = caller.request("INVITE", "sip:carol@biloxi.com", body=SDP)
    got = send_until_answered(caller, invite, proxy, lambda s: carol.receive(
        s, lambda m: m.method == "INVITE" and m.call_id == invite.call_id))
    assert got, "a call did not reach its callee"
    carol.reply(got, 200, body=SDP)
    ok = caller.expect_response(invite, 200)
    caller.send(caller.in_dialog("ACK", invite, ok, cseq=1), proxy.address)
    carol.expect_request("ACK", invite.call_id)
    bye = caller.in_dialog("BYE", invite, ok)
    got = send_until_answered(caller, bye, proxy, lambda s: carol.receive(
        s, lambda m: m.method == "BYE" and m.call_id == invite.call_id))
    carol.reply(got, 200)
    caller.expect_response(bye, 200)


def run(proxy, traffic, peers):
    """Returns the resident memory when warm, and at the end."""
    carol = peers.udp(proxy.carol_ip)
    callers = [peers.udp(), peers.tcp(proxy.address)]
    next_call, warm = BETWEEN_CALLS, None
    while traffic.n_sent < MESSAGES:
        for _ in range(BATCH):
            traffic.step()
        traffic.pump()
        proxy.assert_serves(callers[0])
        assert proxy.daemon.process.poll() is None, "the daemon ended"
        if traffic.n_sent >= next_call:
            legitimate_call(proxy, callers[next_call // BETWEEN_CALLS % 2], carol)
            if next_call % BETWEEN_RELOADS == 0:
                proxy.daemon.reload(proxy.daemon.conf)
            next_call += BETWEEN_CALLS
        if warm is None and traffic.n_sent >= min(WARM_AFTER, MESSAGES // 2):
            warm = resident_kb(proxy.daemon)
    return warm, resident_kb(proxy.daemon)


def judge_log(daemon):
    log = daemon.log_file.read_bytes()
    assert len(log) <= LOG_MAX * max(1, MESSAGES / 20000)
    assert max(map(len, log.split(b"\n"))) <= LINE_MAX


def report(traffic, directory):
    """Where the last messages lie, in the order in which they were sent."""
    for i, data in enumerate(traffic.history):
        (directory / ("message-%03d" % i)).write_bytes(data)
    return "VIADUCT_FUZZ_SEED=%d, after %d messages; the last of them are in %s" % (
        SEED, traffic.n_sent, directory)


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
def test_mutated_messages_neither_stop_nor_bloat_the_daemon(
        transport, fuzzed, peers, addresses, tmp_path_factory):
    traffic = Traffic("%d %s" % (SEED, transport), fuzzed, transport,
                      [addresses.take(), addresses.take_trusted()])
    began = time.monotonic()
    try:
        warm, end = run(fuzzed, traffic, peers)
        print("%d messages in %.1f s; %d KiB resident when warm, %d at the end; %s" % (
            traffic.n_sent, time.monotonic() - began, warm, end, dict(traffic.counts)))
        assert end <= 1.5 * warm + ROOM_KB
        # not all of it was refused, and not all let in
        for what in ("REGISTER 200", "REGISTER 401", "INVITE 200"):
            assert traffic.counts[what] > 0, what
        fuzzed.daemon.stop()
        judge_log(fuzzed.daemon)
    except BaseException:
        print(report(traffic, tmp_path_factory.mktemp("fuzz")))
        raise
    finally:
        traffic.close()

"""Many connections that are idle, slow or deaf, what each costs, and calls that
go on beside them."""

import resource
import time

import pytest

from lib import settings, wait
from lib.certs import Authority
from lib.crowd import Crowd
from lib.daemon import config
from lib.message import build_ack

SLOW_COUNT = 300 if settings.SLOW else 2000
IDLE_COUNT = 300 if settings.SLOW else 10000
SETUP_S = settings.patience(0.5)

KINDS = {  # port, options of the crowd
    "tcp": (5060, {}),
    "tls": (5061, {"tls": True}),
    "ws": (8080, {"ws": True}),
    "wss": (8443, {"tls": True, "ws": True}),
}


@pytest.fixture
def start(start_daemon, addresses, tmp_path, peers):
    """start(limits): a daemon on every transport, and Bob at a phone of his."""
    def make(**limits):
        ip, bob_ip = addresses.take(), addresses.take()
        pair = Authority(tmp_path / "ca").issue("DNS:biloxi.com")
        daemon = start_daemon(config(
            ip, "biloxi.com",
            tls={"site": {"certificate": str(pair.certificate), "key": str(pair.key)}},
            listen=["udp://%s:5060" % ip, "tcp://%s:5060" % ip,
                    {"url": "tls://%s:5061" % ip, "tls": "site"},
                    "ws://%s:8080" % ip,
                    {"url": "wss://%s:8443" % ip, "tls": "site"}],
            routes=[{"name": "bob", "match": {"request.user": "bob"},
                     "forward": "sip:bob@%s:5060" % bob_ip}],
            limits={"connections_per_source": 1000, **limits}))
        daemon.ip, daemon.bob = ip, peers.udp(bob_ip)
        return daemon
    return make


def crowd(daemon, addresses, kind, count, point):
    port, options = KINDS[kind]
    return Crowd((daemon.ip, port), "127.90.%s.1" % addresses.net.split(".")[2],
                 count, point, **options)


def call(daemon, caller):
    """A call from its INVITE to its end; how long the 200 took."""
    to = (daemon.ip, 5060)
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    began = time.monotonic()
    caller.send(invite, to)
    daemon.bob.reply(daemon.bob.expect_request("INVITE", invite.call_id), 200)
    ok = caller.expect_response(invite, 200)
    took = time.monotonic() - began
    caller.send(build_ack(invite, ok), to)
    bye = caller.in_dialog("BYE", invite, ok)
    caller.send(bye, to)
    daemon.bob.reply(daemon.bob.expect_request("BYE", invite.call_id), 200)
    caller.expect_response(bye, 200)
    return took


def assert_calls_are_fast(daemon, peers):
    for caller in (peers.udp(), peers.tcp((daemon.ip, 5060))):
        for _ in range(10):
            assert call(daemon, caller) < SETUP_S


@pytest.mark.parametrize("kind, point", [
    ("tls", "connect"), ("ws", "connect"), ("ws", "upgrade"), ("wss", "upgrade"),
    ("ws", "frame"), ("tls", "message"), ("tcp", "message")])
def test_connections_that_stop_half_way_cost_nobody_else_and_are_closed(
        kind, point, start, addresses, peers):
    deadline_s = 4
    daemon = start(handshake_timeout="%ds" % deadline_s,
                   message_timeout="%ds" % deadline_s)
    with crowd(daemon, addresses, kind, SLOW_COUNT, point) as slow:
        came = time.monotonic()
        assert_calls_are_fast(daemon, peers)
        wait.until(lambda: slow.n_closed() == SLOW_COUNT,
                   deadline_s + settings.patience(4), "all of them closed")
        assert time.monotonic() - came < deadline_s + settings.patience(3)
        assert_calls_are_fast(daemon, peers)


@pytest.mark.parametrize("kind", KINDS)
def test_connections_whose_answers_nobody_reads_cost_nobody_else(
        kind, start, addresses, peers):
    daemon = start()
    with crowd(daemon, addresses, kind, SLOW_COUNT, "deaf"):
        assert_calls_are_fast(daemon, peers)


@pytest.mark.parametrize("kind, count, goal_kib", [
    ("wss", IDLE_COUNT, 40), ("tls", IDLE_COUNT // 10, 40),
    ("tcp", IDLE_COUNT, 8), ("ws", IDLE_COUNT, 8)])
def test_idle_connections_are_small_and_calls_go_on(
        kind, count, goal_kib, start, addresses, peers):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < count + 200:
        pytest.skip("too few descriptors are allowed here")
    daemon = start()
    assert_calls_are_fast(daemon, peers)
    before = daemon.rss_kib()
    with crowd(daemon, addresses, kind, count, "idle") as idle:
        assert idle.n_ready == count
        each = (daemon.rss_kib() - before) / count
        print("%s: %.1f KiB each" % (kind, each))
        assert settings.SLOW or each <= goal_kib  # shadow memory is not ours
        assert_calls_are_fast(daemon, peers)
        assert idle.n_closed() == 0

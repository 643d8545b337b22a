"""SIGHUP: all or nothing, and no call notices."""

import copy
import re
import signal
import time

import pytest

from lib import settings
from lib.daemon import config, route
from lib.message import build_ack
from lib.two_domains import TwoDomains


@pytest.fixture
def daemon(addresses, start_daemon):
    ip = addresses.take()
    made = start_daemon(config(ip, "biloxi.com"))
    made.address = (ip, 5060)
    return made


def changed(daemon, **sections):
    return {**copy.deepcopy(daemon.conf), **sections}


def status_of(caller, daemon, uri, method="OPTIONS"):
    request = caller.request(method, uri)
    caller.send(request, daemon.address)
    final = caller.expect_response(request)
    if method == "INVITE":
        caller.send(build_ack(request, final), daemon.address)
    return final.status


def test_a_reload_brings_new_routes(daemon, peers):
    caller, bob = peers.udp(), peers.udp()
    assert (status_of(caller, daemon, "sip:bob@biloxi.com")
            == settings.UNKNOWN_LOCAL_USER)
    daemon.reload(changed(daemon, routes=[route("bob", "sip:bob@" + bob.hostport)]))
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, daemon.address)
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_a_reload_brings_new_domains(daemon, peers):
    caller = peers.udp()
    assert (status_of(caller, daemon, "sip:bob@chicago.com")
            == settings.RELAYING_DENIED)
    domains = {**daemon.conf["domains"],
               "chicago.com": {"authenticate": "none", "registrar": False}}
    daemon.reload(changed(daemon, domains=domains))
    assert (status_of(caller, daemon, "sip:bob@chicago.com")
            == settings.UNKNOWN_LOCAL_USER)


def test_a_reload_brings_new_trust(daemon, peers):
    caller, far = peers.udp(), peers.udp()
    uri = "sip:bob@" + far.hostport
    assert status_of(caller, daemon, uri) == settings.RELAYING_DENIED
    daemon.reload(changed(daemon, trust=[caller.address[0]]))
    request = caller.request("OPTIONS", uri)
    caller.send(request, daemon.address)
    far.reply(far.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


@pytest.mark.parametrize("text", [
    "listen: [ udp://127.0.0.1:5060\n",
    "listen: udp://127.0.0.1:5060\nno_such_key: 1\n",
], ids=["no-yaml", "unknown-key"])
def test_a_bad_file_changes_nothing_and_is_logged(daemon, peers, text):
    caller, bob = peers.udp(), peers.udp()
    daemon.reload(changed(daemon, routes=[route("bob", "sip:bob@" + bob.hostport)]))
    daemon.reload(text)
    daemon.expect_log(re.escape(str(daemon.file)) + r":\d+:\d+")
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, daemon.address)
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_what_needs_a_restart_is_named(daemon, addresses):
    listen = daemon.conf["listen"] + ["udp://%s:5070" % daemon.address[0]]
    daemon.reload(changed(daemon, listen=listen))
    daemon.expect_log(r"listen\b.*restart|restart.*\blisten")


def cpu_ticks(daemon):
    with open("/proc/%d/stat" % daemon.process.pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_signals_that_come_during_a_reload_are_one_more(daemon):
    domains = {"d%d.test" % i: {"authenticate": "none", "registrar": False}
               for i in range(3000)}  # it takes a while to read
    before = cpu_ticks(daemon)
    assert " reloaded " in daemon.reload(changed(daemon, domains=domains))
    one = cpu_ticks(daemon) - before
    for _ in range(30):
        daemon.signal(signal.SIGHUP)
        time.sleep(0.005)  # else the kernel makes one of many
    daemon.signal(signal.SIGUSR1)
    daemon.expect_log(" stats", 20)  # after what was asked for before
    assert cpu_ticks(daemon) - before < 12 * one


def test_no_call_fails_in_fifteen_reloads(tmp_path, addresses):
    calls = settings.CALLS // 4
    with TwoDomains(tmp_path, addresses, ["main"]) as network:
        def reload_fifteen_times():
            for i in range(15):
                spare = route("spare-%d" % i, "sip:spare@127.0.0.1")
                for daemon in (network.atlanta, network.biloxi):
                    routes = daemon.conf.get("routes", []) + [spare]
                    daemon.reload(changed(daemon, routes=routes))
        network.call("alice", "bob", "main", "udp", calls,
                     meanwhile=reload_fifteen_times)

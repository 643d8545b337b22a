"""SIGHUP: all or nothing, and no call notices."""

import copy
import re

import pytest

from lib import settings
from lib.daemon import config, route
from lib.message import build_ack
from lib.two_domains import TwoDomains


@pytest.fixture
def proxy(addresses, start_daemon):
    ip = addresses.take()
    daemon = start_daemon(config(ip, "biloxi.com"))
    daemon.address = (ip, 5060)
    return daemon


def changed(daemon, **sections):
    return {**copy.deepcopy(daemon.conf), **sections}


def status_of(caller, proxy, uri, method="OPTIONS"):
    request = caller.request(method, uri)
    caller.send(request, proxy.address)
    final = caller.expect_response(request)
    if method == "INVITE":
        caller.send(build_ack(request, final), proxy.address)
    return final.status


def test_a_reload_brings_new_routes(proxy, peers):
    caller, bob = peers.udp(), peers.udp()
    assert (status_of(caller, proxy, "sip:bob@biloxi.com")
            == settings.UNKNOWN_LOCAL_USER)
    proxy.reload(changed(proxy, routes=[route("bob", "sip:bob@" + bob.hostport)]))
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_a_reload_brings_new_domains(proxy, peers):
    caller = peers.udp()
    assert (status_of(caller, proxy, "sip:bob@chicago.com")
            == settings.RELAYING_DENIED)
    domains = {**proxy.conf["domains"],
               "chicago.com": {"authenticate": "none", "registrar": False}}
    proxy.reload(changed(proxy, domains=domains))
    assert (status_of(caller, proxy, "sip:bob@chicago.com")
            == settings.UNKNOWN_LOCAL_USER)


def test_a_reload_brings_new_trust(proxy, peers):
    caller, far = peers.udp(), peers.udp()
    uri = "sip:bob@" + far.hostport
    assert status_of(caller, proxy, uri) == settings.RELAYING_DENIED
    proxy.reload(changed(proxy, trust=[caller.address[0]]))
    request = caller.request("OPTIONS", uri)
    caller.send(request, proxy.address)
    far.reply(far.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


@pytest.mark.parametrize("text", [
    "listen: [ udp://127.0.0.1:5060\n",
    "listen: udp://127.0.0.1:5060\nno_such_key: 1\n",
], ids=["no-yaml", "unknown-key"])
def test_a_bad_file_changes_nothing_and_is_logged(proxy, peers, text):
    caller, bob = peers.udp(), peers.udp()
    proxy.reload(changed(proxy, routes=[route("bob", "sip:bob@" + bob.hostport)]))
    proxy.reload(text)
    proxy.expect_log(re.escape(str(proxy.file)) + r":\d+:\d+")
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)


def test_what_needs_a_restart_is_named(proxy, addresses):
    listen = proxy.conf["listen"] + ["udp://%s:5070" % proxy.address[0]]
    proxy.reload(changed(proxy, listen=listen))
    proxy.expect_log(r"listen\b.*restart|restart.*\blisten")


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

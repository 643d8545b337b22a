"""Peers that are slow, deaf or too many cost only themselves."""

import re
import resource
import time

import pytest

from lib import settings, wait
from lib.message import build_ack, unique


# ---- slow peers ----


def test_a_message_that_takes_too_long_ends_the_connection(start_proxy, peers):
    proxy = start_proxy(limits={"message_timeout": "1s"})
    slow = peers.tcp(proxy.address)
    raw = bytes(slow.request("OPTIONS", "sip:" + proxy.ip))
    began = time.monotonic()
    for i in range(len(raw)):
        slow.send(raw[i:i + 1])
        slow.receive(0.1)  # the pace of the drip
        took = time.monotonic() - began
        if slow.is_closed or took > 1 + settings.patience(2):
            break
    assert slow.is_closed and took > 0.8
    proxy.assert_serves(peers.udp())


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
        proxy.assert_serves(peer)
    peers.tcp(proxy.address, ip).expect_close()
    if limit == "connections_per_source":
        proxy.assert_serves(peers.tcp(proxy.address))
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
    proxy.assert_serves(peers.udp())
    proxy.assert_serves(peers.tcp(proxy.address))


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
    proxy.assert_serves(peers.udp())
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

    reached = set()
    for got in all_of(bob, lambda m: m.method == "INVITE"):
        bob.reply(got, 486)
        reached.add(got.call_id)
    assert 0 < len(reached) <= 20

    by_id = {i.call_id: i for i in invites}
    for final in all_of(caller, lambda m: m.status and m.status >= 300):
        caller.send(build_ack(by_id[final.call_id], final), proxy.address)
    wait.until(lambda: gets_through(proxy, bob, caller), settings.patience(8),
               "room for a new call")


def all_of(peer, match):
    """What has arrived and still arrives, until it is quiet for a while."""
    return iter(lambda: peer.receive(0.3, match), None)


def gets_through(proxy, bob, caller):
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    got = bob.receive(0.3, lambda m: m.call_id == request.call_id)
    if got:
        bob.reply(got, 200)
    return got and caller.expect_response(request).status == 200


def test_the_rate_of_a_source_is_the_same_for_any_number_of_workers(
        start_proxy, peers):
    per_second, n = 20, 100
    proxy = start_proxy(server={"workers": 2},
                        limits={"requests_per_second_per_source": per_second})
    caller, other = peers.udp(), peers.udp()
    requests = [caller.request("OPTIONS", "sip:" + proxy.ip) for _ in range(n)]
    wait.until(lambda: time.monotonic() % 1 < 0.5, 1, "room in the proxy's second")
    first = int(time.monotonic())
    for request in requests:
        caller.send(request, proxy.address)
    finals = [caller.expect_response(request) for request in requests]
    n_seconds = int(time.monotonic()) - first + 1
    served = [f for f in finals if f.status == 200]
    refused = [f for f in finals if f.status == 503]
    assert len(served) + len(refused) == n and refused
    assert per_second <= len(served) <= per_second * n_seconds
    assert all(int(f.get("Retry-After")) > 0 for f in refused)
    proxy.assert_serves(other)


def test_a_flood_of_half_open_calls_does_not_stop_a_call(start_proxy, peers):
    proxy = start_proxy()
    flooder, caller = peers.udp(), peers.udp()
    bob = peers.udp(proxy.bob_ip)
    peers.udp(proxy.mute_ip)  # takes every INVITE and never answers
    for _ in range(2000):
        flooder.send(flooder.request("INVITE", "sip:mute@biloxi.com"), proxy.address)
    request = caller.request("OPTIONS", "sip:bob@biloxi.com")
    caller.send(request, proxy.address)
    began = time.monotonic()
    bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)
    assert time.monotonic() - began < settings.patience(0.5)


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


# ---- descriptors ----


def test_without_descriptors_calls_over_udp_go_on_and_tcp_recovers(
        start_proxy, addresses, peers):
    few = 64
    proxy = start_proxy(preexec=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (few, few)))
    ip, caller = addresses.take(), peers.udp()
    at_rest = proxy.daemon.n_descriptors()
    held = [peers.tcp(proxy.address, ip) for _ in range(few + 36)]
    used, began = proxy.daemon.cpu_s(), time.monotonic()
    while time.monotonic() - began < 1:
        proxy.assert_serves(caller)
        caller.receive(0.05)
    spent = proxy.daemon.cpu_s() - used
    assert spent < settings.patience(0.3), "busy while nothing can be accepted"
    for peer in held:
        peer.close()
    # One worker may find none while another has yet to close what ended.
    wait.until(lambda: proxy.daemon.n_descriptors() <= at_rest,
               settings.patience(2), "free descriptors")
    proxy.assert_serves(peers.tcp(proxy.address), settings.patience(3))

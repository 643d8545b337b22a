"""Alice at atlanta.com calls Bob at biloxi.com through two daemons that find
each other through DNS."""

import time

import pytest

from lib import nsd, settings
from lib.daemon import config, route
from lib.message import SDP, build_ack, build_cancel
from lib.two_domains import TRANSPORTS, TwoDomains, main_call

both_transports = pytest.mark.parametrize("transport", TRANSPORTS)
FEW = 50  # calls, where the kind of call matters and not their number


@pytest.fixture(scope="module")
def network(module_dir, addresses):
    users = ("main", "exact", "hangs-up", "busy", "cancelled")
    with TwoDomains(module_dir, addresses, users,
                    zones={"missing.example": []}) as net:
        yield net


def alice_and_bob(network, peers, transport, user):
    """Byte-level peers at both ends; bob() gives Bob once he was called."""
    ip = network.addresses.take_trusted()
    if transport == "udp":
        bob = peers.udp(network.bob(user, transport))
        return peers.udp(ip), lambda: bob
    listener = peers.listener(network.bob(user, transport))
    return (peers.tcp(network.outbound_proxy, ip),
            lambda: peers.keep(listener.accept()))


# ---- the main call ----


@both_transports
def test_all_calls_succeed_and_nothing_is_sent_twice(network, transport):
    main_call(network, "main", transport)


@both_transports
def test_bob_gets_what_alice_sent_and_what_rfc_3261_16_6_adds(
        network, peers, transport):
    alice, bob = alice_and_bob(network, peers, transport, "exact")
    odd = [("X-Odd", '1;a=b,,"c'), ("x-odd", "  second   value"),
           ("Subject", "=?utf-8?q?caf=C3=A9?=")]
    sent = alice.request("INVITE", network.target("exact", transport),
                         extra=odd, body=SDP)
    alice.send(sent, network.outbound_proxy)
    bob = bob()
    got = bob.expect_request("INVITE", sent.call_id)

    vias = got.values("Via")
    assert len(vias) == 3
    assert vias[2].split(";")[0] == sent.get("Via").split(";")[0]
    assert network.biloxi_ip in vias[0] and network.atlanta_ip in vias[1]
    routes = got.values("Record-Route")
    assert len(routes) == 2 and all(";lr" in r for r in routes)
    assert got.lines("Max-Forwards") == ["68"]
    assert got.body == SDP
    for name in ("From", "To", "Call-ID", "CSeq", "Contact", "Content-Type"):
        assert got.get(name) == sent.get(name)
    assert [h for h in got.headers if h[0].lower() == "x-odd"] == [
        (name, value.strip()) for name, value in odd[:2]]

    bob.reply(got, 486)
    busy = alice.expect_response(sent, 486)
    assert len(busy.values("Via")) == 1
    alice.send(build_ack(sent, busy), network.outbound_proxy)
    bob.expect_request("ACK", sent.call_id)


@both_transports
def test_the_callee_hangs_up(network, transport):
    network.call("alice_waits", "bob_hangs_up", "hangs-up", transport, FEW)


@both_transports
def test_a_busy_callee_gives_the_caller_486(network, transport):
    network.call("alice_busy", "bob_busy", "busy", transport, FEW)


@both_transports
def test_a_cancelled_call_ends_with_487_at_both_ends(network, transport):
    network.call("alice_cancels", "bob_cancelled", "cancelled", transport, FEW)


# ---- calls that cannot succeed ----


@pytest.mark.parametrize("domain", ["nobody.missing.example", "refused.test"],
                         ids=["nxdomain", "refused"])
def test_a_domain_without_address_fails_quickly(network, peers, domain):
    alice = peers.udp(network.addresses.take_trusted())
    invite = alice.request("INVITE", "sip:bob@" + domain)
    alice.send(invite, network.outbound_proxy)
    final = alice.expect_response(
        invite, seconds=settings.patience(settings.UNREACHABLE_WITHIN_S))
    alice.send(build_ack(invite, final), network.outbound_proxy)
    assert final.status in settings.UNREACHABLE


def test_an_unknown_user_of_biloxi_is_not_found(network, peers):
    alice = peers.udp(network.addresses.take_trusted())
    invite = alice.request("INVITE", "sip:nobody@biloxi.com")
    alice.send(invite, network.outbound_proxy)
    final = alice.expect_response(invite)
    alice.send(build_ack(invite, final), network.outbound_proxy)
    assert final.status == settings.UNKNOWN_LOCAL_USER


# ---- next hops that fail ----


@pytest.fixture
def two_targets(addresses, start_nsd, start_daemon):
    """two_targets(...) starts a proxy for atlanta.com that finds two targets
    for two.example: (address of the proxy, first target, second target)."""
    def start(**sections):
        first, second, ip = addresses.take(), addresses.take(), addresses.take()
        server = start_nsd({"two.example": nsd.two_targets(first, second)})
        start_daemon(config(ip, "atlanta.com", trust=[addresses.trusted_net],
                            resolver={"servers": [server.hostport]}, **sections))
        return (ip, 5060), first, second
    return start


def test_a_refused_connection_moves_the_call_to_the_next_target_at_once(
        addresses, two_targets, peers):
    proxy, _, second = two_targets()
    listener = peers.listener(second)
    alice = peers.udp(addresses.take_trusted())
    invite = alice.request("INVITE", "sip:bob@two.example;transport=tcp")
    alice.send(invite, proxy)
    bob = peers.keep(listener.accept(seconds=settings.patience(1)))
    bob.reply(bob.expect_request("INVITE", invite.call_id), 200)
    alice.expect_response(invite, 200)


def test_an_icmp_error_moves_the_call_to_the_next_target_at_once(
        addresses, two_targets, peers):
    proxy, _, second = two_targets()
    bob, alice = peers.udp(second), peers.udp(addresses.take_trusted())
    invite = alice.request("INVITE", "sip:bob@two.example")
    alice.send(invite, proxy)
    got = bob.expect_request("INVITE", invite.call_id, seconds=settings.patience(1))
    bob.reply(got, 200)
    alice.expect_response(invite, 200)


def test_a_silent_target_is_given_up_when_timer_b_fires(
        addresses, two_targets, peers):
    timer_b_s = 64 * 0.05
    proxy, first, second = two_targets(timers={"t1": "50ms"})
    silent, bob = peers.udp(first), peers.udp(second)
    alice = peers.udp(addresses.take_trusted())
    invite = alice.request("INVITE", "sip:bob@two.example")
    alice.send(invite, proxy)
    at_first = silent.expect_request("INVITE", invite.call_id)
    began = time.monotonic()
    at_second = bob.expect_request("INVITE", invite.call_id,
                                   seconds=timer_b_s + settings.patience(1))
    assert time.monotonic() - began > timer_b_s - 0.2
    assert at_second.branch != at_first.branch
    bob.reply(at_second, 200)
    alice.expect_response(invite, 200)


@pytest.mark.parametrize("how", ["stopped", "silent"])
def test_without_name_server_a_call_fails_in_time_and_others_go_on(
        how, addresses, start_nsd, start_daemon, peers):
    search_timeout_s = 2
    ip, bob = addresses.take(), peers.udp()
    server = start_nsd({"atlanta.com": []})
    start_daemon(config(
        ip, "atlanta.com", trust=[addresses.trusted_net],
        resolver={"servers": [server.hostport], "timeout": "1s",
                  "search_timeout": "2s"},
        routes=[route("bob", "sip:bob@%s:5060" % bob.hostport.split(":")[0])]))
    server.stop()
    if how == "silent":
        peers.udp(*server.address)  # takes the queries and never answers

    alice, caller = peers.udp(addresses.take_trusted()), peers.udp()
    lost = alice.request("INVITE", "sip:bob@biloxi.com")
    alice.send(lost, (ip, 5060))
    began = time.monotonic()

    well = caller.request("INVITE", "sip:bob@atlanta.com")
    caller.send(well, (ip, 5060))
    bob.reply(bob.expect_request("INVITE", well.call_id), 200)
    caller.expect_response(well, 200)
    assert time.monotonic() - began < settings.patience(0.5)

    final = alice.expect_response(
        lost, seconds=search_timeout_s + settings.patience(1))
    alice.send(build_ack(lost, final), (ip, 5060))
    assert final.status in settings.UNREACHABLE


def test_a_cancel_before_any_answer_waits_for_the_first_provisional(
        network, peers):
    """RFC 3261 9.1 and 16.10: no CANCEL goes out before a 1xx came in."""
    alice, bob = alice_and_bob(network, peers, "udp", "exact")
    bob = bob()
    invite = alice.request("INVITE", network.target("exact", "udp"))
    alice.send(invite, network.outbound_proxy)
    got = bob.expect_request("INVITE", invite.call_id)
    cancel = build_cancel(invite)
    alice.send(cancel, network.outbound_proxy)
    alice.expect_response(cancel, 200)
    assert bob.receive(0.3, lambda m: m.method == "CANCEL") is None
    bob.reply(got, 180)
    bob.reply(bob.expect_request("CANCEL", invite.call_id), 200)
    bob.reply(got, 487)
    bob.expect_request("ACK", invite.call_id)
    alice.send(build_ack(invite, alice.expect_response(invite, 487)),
               network.outbound_proxy)

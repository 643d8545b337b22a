"""Calls go to a phone over the flow that it registered on: RFC 5626, and phones
behind a NAT, which shows in a Via that is not the source."""

import resource
import signal
import time

import pytest

from lib import message, settings, wait
from lib.daemon import config
from lib.message import build_ack
from lib.phone import Phone, uris

UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
INSIDE = "10.9.8.7:5060"  # nobody has it here


def settings_of(ip, workers=2, **registrar):
    return config(ip, "biloxi.com", server={"workers": workers, "drain": "1s"},
                  domains={"biloxi.com": {"authenticate": "none"}},
                  registrar={"min_expires": "1s", **registrar})


@pytest.fixture(params=[1, 2, 8])
def on_workers(request):
    return request.param


class Proxy:
    def __init__(self, daemon, ip):
        self.daemon, self.address = daemon, (ip, 5060)


@pytest.fixture
def proxy_with(start_daemon, addresses):
    def start(**options):
        ip = addresses.take()
        return Proxy(start_daemon(settings_of(ip, **options)), ip)
    return start


@pytest.fixture
def proxy(proxy_with):
    return proxy_with()


def phone_over(transport, peers, proxy, **options):
    peer = (peers.udp(port=40001) if transport == "UDP"
            else peers.tcp(proxy.address))
    return Phone(peer, proxy.address, **options)


def ring(caller, phone, proxy, peer=None):
    """An INVITE reaches the phone over its flow and is declined."""
    invite = caller.request("INVITE", phone.aor)
    caller.send(invite, proxy.address)
    peer = peer or phone.peer
    leg = peer.expect_request("INVITE", invite.call_id)
    peer.reply(leg, 486)
    caller.send(build_ack(invite, caller.expect_response(invite, 486)),
                proxy.address)
    peer.expect_request("ACK", invite.call_id)
    return leg


def is_away(caller, phone, proxy):
    invite = caller.request("INVITE", phone.aor)
    caller.send(invite, proxy.address)
    answer = caller.expect_response(invite, 480)
    caller.send(build_ack(invite, answer), proxy.address)


def crash(daemon):
    daemon.kill()
    daemon.log_file.write_text("")  # start() waits for what it says
    daemon.start()


def until_unbound(phone, others=0):
    wait.until(lambda: len(phone.bindings()) == others, settings.patience(5),
               "the end of the binding")


# ---- behind a NAT ----

@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_phone_behind_a_nat_is_called_over_its_flow(
        proxy_with, peers, transport, on_workers):
    proxy, caller = proxy_with(workers=on_workers), peers.udp()
    phone = phone_over(transport, peers, proxy, inside=INSIDE)
    assert uris(phone.register()) == [phone.uri]
    for _ in range(on_workers):  # whoever owns the call
        leg = ring(caller, phone, proxy)
        assert leg.uri == phone.uri
        assert leg.get("Via").startswith("SIP/2.0/%s " % transport)


def test_a_large_request_goes_by_the_flow_too(proxy, peers):
    phone = phone_over("UDP", peers, proxy, inside=INSIDE)
    phone.register()
    caller = peers.udp()
    request = caller.request("MESSAGE", phone.aor, body=b"x" * 3000)
    caller.send(request, proxy.address)
    phone.peer.reply(phone.peer.expect_request("MESSAGE", request.call_id), 200)
    caller.expect_response(request, 200)


def test_a_contact_elsewhere_is_used_as_it_is(proxy, peers):
    phone = phone_over("UDP", peers, proxy, inside=INSIDE)
    caller, other = peers.udp(), peers.udp()
    phone.register(uri="sip:bob@" + other.hostport)
    ring(caller, phone, proxy, other)


def test_a_mapping_that_moves_is_followed(proxy, peers):
    caller, phone = peers.udp(), phone_over("UDP", peers, proxy, inside=INSIDE)
    phone.register()
    phone.peer = peers.udp(port=40002)
    phone.register()
    ring(caller, phone, proxy)
    assert len(phone.bindings()) == 1


def test_the_end_of_the_connection_ends_the_binding(proxy, peers):
    caller, asking = peers.udp(), Phone(peers.udp(), proxy.address)
    phone = phone_over("TCP", peers, proxy, inside=INSIDE)
    phone.register()
    ring(caller, phone, proxy)
    phone.peer.close()
    until_unbound(asking)
    is_away(caller, phone, proxy)
    phone.peer = peers.tcp(proxy.address)
    phone.register()
    ring(caller, phone, proxy)


def test_a_reachable_tcp_contact_is_connected_to_again(proxy, peers):
    caller, listener = peers.udp(), peers.listener()
    ip = listener.address[0]
    phone = Phone(peers.tcp(proxy.address, ip=ip), proxy.address,
                  inside="%s:5060" % ip)
    phone.register()
    ring(caller, phone, proxy)  # over the connection, not a new one
    phone.peer.close()
    invite = caller.request("INVITE", phone.aor)
    caller.send(invite, proxy.address)
    again = peers.keep(listener.accept())
    again.reply(again.expect_request("INVITE", invite.call_id), 486)
    caller.send(build_ack(invite, caller.expect_response(invite, 486)),
                proxy.address)
    assert len(phone_over("UDP", peers, proxy).bindings()) == 1


def test_a_connection_with_a_binding_is_not_idle(start_daemon, addresses, peers):
    ip = addresses.take()
    conf = settings_of(ip)
    conf["limits"] = {"idle_timeout": "1s"}
    proxy = Proxy(start_daemon(conf), ip)
    caller, phone = peers.udp(), phone_over("TCP", peers, proxy, inside=INSIDE)
    idle = peers.tcp(proxy.address)
    phone.register(expires=100)
    idle.expect_close(settings.patience(5))
    ring(caller, phone, proxy)
    phone.register(expires=0)
    phone.peer.expect_close(settings.patience(5))


# ---- a restart ----

def test_after_a_crash_datagrams_find_their_way_and_connections_come_back(
        proxy, peers):
    caller = peers.udp()
    udp = phone_over("UDP", peers, proxy, inside=INSIDE)
    tcp = phone_over("TCP", peers, proxy, inside=INSIDE, user="carol")
    udp.register()
    tcp.register_flow(1, UUID)
    crash(proxy.daemon)
    assert len(udp.bindings()) == 1
    ring(caller, udp, proxy)
    is_away(caller, tcp, proxy)
    tcp.peer = peers.tcp(proxy.address)
    assert len(tcp.bindings()) == 1  # it is still listed
    assert len(uris(tcp.register_flow(1, UUID))) == 1
    ring(caller, tcp, proxy)


# ---- Outbound ----

def test_outbound_is_confirmed_and_its_flow_is_the_way(proxy, peers):
    caller, other = peers.udp(), peers.udp()
    phone = phone_over("TCP", peers, proxy)
    ok = phone.register_flow(1, UUID, uri="sip:bob@" + other.hostport)
    assert ok.values("Require") == ["outbound"]
    leg = ring(caller, phone, proxy)
    assert leg.uri == "sip:bob@" + other.hostport
    other.expect_nothing(leg.call_id)


def test_a_new_flow_takes_the_place_of_the_old_one(proxy, peers):
    caller, phone = peers.udp(), phone_over("TCP", peers, proxy)
    phone.register_flow(1, UUID)
    old, phone.peer = phone.peer, peers.tcp(proxy.address)
    phone.call_id = message.unique("reg")
    assert len(uris(phone.register_flow(1, UUID, uri="sip:bob@10.1.1.1"))) == 1
    leg = ring(caller, phone, proxy)
    old.expect_nothing(leg.call_id)
    old.close()  # nothing hangs on it any more
    ring(caller, phone, proxy)


def two_flows(proxy, peers, user="bob"):
    phones = [phone_over("TCP", peers, proxy, inside=INSIDE, user=user)
              for _ in range(2)]
    for i, phone in enumerate(phones):
        phone.register_flow(i + 1, UUID)
    return phones


def test_one_flow_of_an_instance_rings_the_latest(proxy, peers):
    first, second = two_flows(proxy, peers)
    leg = ring(peers.udp(), second, proxy)
    first.peer.expect_nothing(leg.call_id)


@pytest.mark.parametrize("dead", [0, 1])
def test_the_other_flow_is_there_when_one_ends(proxy, peers, dead):
    phones = two_flows(proxy, peers)
    phones[dead].peer.close()
    ring(peers.udp(), phones[1 - dead], proxy)
    until_unbound(phones[1 - dead], others=1)


def test_430_of_an_edge_proxy_leads_to_the_next_flow(proxy, peers):
    edges = [peers.udp(), peers.udp()]
    caller, phone = peers.udp(), phone_over("UDP", peers, proxy)
    for i, edge in enumerate(edges):
        request = edge.request(
            "REGISTER", "sip:biloxi.com", to="<%s>" % phone.aor,
            from_="<%s>;tag=r" % phone.aor, extra=[
                ("Via", "SIP/2.0/TCP 10.1.1.1;branch=z9hG4bKphone"),
                ("Path", "<sip:t%d@%s;lr;ob>" % (i, edge.hostport)),
                ("Supported", "path, outbound")]).replace(
            "Contact", '<sip:bob@10.1.1.1>;reg-id=%d;+sip.instance='
            '"<urn:uuid:%s>"' % (i + 1, UUID))
        edge.send(request, proxy.address)
        edge.expect_response(request, 200)
    invite = caller.request("INVITE", phone.aor)
    caller.send(invite, proxy.address)
    leg = edges[1].expect_request("INVITE", invite.call_id)
    edges[0].expect_nothing(invite.call_id)
    edges[1].reply(leg, 430)
    leg = edges[0].expect_request("INVITE", invite.call_id)
    assert leg.values("Route") == ["<sip:t0@%s;lr;ob>" % edges[0].hostport]
    edges[0].reply(leg, 200)
    caller.expect_response(invite, 200)


def test_a_proxy_without_outbound_is_439(proxy, peers):
    phone = phone_over("UDP", peers, proxy)
    phone.register(';reg-id=1;+sip.instance="<urn:uuid:%s>"' % UUID, status=439,
                   extra=[("Via", "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKx"),
                          ("Supported", "outbound")])
    assert phone.bindings() == []


def test_an_outbound_phone_that_is_not_there_is_unbound(proxy, peers):
    """RFC 5626 section 7: nobody listens at the other end of the flow."""
    caller, asking = peers.udp(), Phone(peers.udp(), proxy.address)
    phone = phone_over("UDP", peers, proxy)
    phone.register_flow(1, UUID)
    phone.peer.close()
    is_away(caller, phone, proxy)
    until_unbound(asking)


def test_a_flow_that_failed_is_not_called_though_the_disk_is_full(
        start_daemon, addresses, peers):
    ip = addresses.take()
    proxy = Proxy(start_daemon(
        settings_of(ip),
        preexec=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN)), ip)
    caller, asking = peers.udp(), Phone(peers.udp(), proxy.address)
    phone, other = phone_over("UDP", peers, proxy), "sip:other@192.0.2.1"
    phone.register_flow(1, UUID)
    phone.peer.close()
    pid = proxy.daemon.process.pid
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    is_away(caller, phone, proxy)
    asking.register(uri=other, status=500)
    stranger = peers.udp(ip=phone.peer.address[0], port=40001)
    is_away(caller, phone, proxy)
    stranger.expect_nothing()
    assert asking.bindings() == []
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert uris(asking.register(uri=other)) == [other]
    crash(proxy.daemon)
    assert asking.bindings() == [other]


def test_who_shares_the_address_of_a_flow_is_not_its_phone(proxy, peers):
    """Inside a dialog the phone may send elsewhere than to the other side; its
    neighbour, who knows all of the dialog, may not."""
    caller, elsewhere = peers.udp(), peers.udp()
    phone = phone_over("TCP", peers, proxy, inside=INSIDE)
    phone.register()
    neighbour = peers.tcp(proxy.address, ip=phone.peer.address[0])
    invite = caller.request("INVITE", phone.aor)
    caller.send(invite, proxy.address)
    leg = phone.peer.expect_request("INVITE", invite.call_id)
    ok = phone.peer.reply(leg, 200)
    caller.expect_response(invite, 200)

    def send_from(peer, cseq):
        info = peer.in_dialog_of_callee("INFO", leg, ok, cseq)
        info.start = "INFO sip:x@%s SIP/2.0" % elsewhere.hostport
        peer.send(info)
    send_from(neighbour, 1)
    caller.expect_request("INFO", invite.call_id)
    elsewhere.expect_nothing(invite.call_id)
    send_from(phone.peer, 2)
    elsewhere.expect_request("INFO", invite.call_id)
    phone.peer.close()
    until_unbound(Phone(peers.udp(), proxy.address))
    send_from(peers.tcp(proxy.address, ip=phone.peer.address[0]), 3)
    elsewhere.expect_request("INFO", invite.call_id)


@pytest.mark.parametrize("workers", [1, 8])
def test_a_silent_connection_ends_with_its_binding(proxy_with, peers, workers):
    proxy = proxy_with(flow_timer="2s", workers=workers)
    asking = Phone(peers.udp(), proxy.address)
    talker, silent = (phone_over("TCP", peers, proxy, user=u)
                      for u in ("bob", "carol"))
    other = phone_over("TCP", peers, proxy, inside=INSIDE, user="dave")
    for phone in (talker, silent):
        ok = phone.register_flow(1, UUID)
        assert ok.get("Flow-Timer") == "2"
    assert other.register().get("Flow-Timer") is None
    end = time.monotonic() + settings.patience(10)
    while silent.peer.receive(0.5) is None and not silent.peer.is_closed:
        assert time.monotonic() < end
        talker.peer.send(b"\r\n\r\n")  # RFC 5626 4.4.1
    asking.user = "carol"
    until_unbound(asking)
    caller = peers.udp()
    ring(caller, talker, proxy)
    ring(caller, other, proxy)
    assert uris(talker.register_flow(1, UUID, expires=0)) == []


def test_datagrams_are_asked_for_no_other_keep_alives(proxy, peers):
    ok = phone_over("UDP", peers, proxy).register_flow(1, UUID)
    assert ok.get("Flow-Timer") is None


def test_many_phones_lose_their_connections_at_once(proxy_with, peers, on_workers):
    proxy = proxy_with(workers=on_workers)
    ip = peers.udp().address[0]
    phones = [Phone(peers.tcp(proxy.address, ip=ip), proxy.address,
                    user="u%d" % i, inside=INSIDE) for i in range(60)]
    for phone in phones:
        phone.register()
    for phone in phones[:40]:
        phone.peer.close()
    caller = peers.udp()
    for phone in phones[:40]:
        asking = Phone(caller, proxy.address, user=phone.user)
        until_unbound(asking)
    ring(caller, phones[50], proxy)

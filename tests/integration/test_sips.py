"""The scheme sips (RFC 3261 26.2.2, RFC 5630): TLS on every hop, or not at all;
and dialogs between TLS and the others."""

import contextlib
import re

import pytest

from lib.daemon import route
from lib.endpoint import TlsListener
from lib.secure_proxy import SecureProxy


@pytest.fixture(scope="module")
def proxy(module_dir, addresses, authority):
    routes = [route("safe", "sips:safe@tess.test"),
              route("plain", "sip:plain@tess.test:5060"),
              route("both", "sips:both@tess.test", "sip:both@tess.test:5060")]
    with SecureProxy(module_dir, addresses, authority, routes=routes) as made:
        yield made


@pytest.fixture
def tess(proxy, authority):
    context = authority.server_context(authority.issue("DNS:tess.test"))
    with TlsListener(proxy.tess_ip, context) as server:
        yield server


def send(peer, proxy, request):
    peer.send(request, proxy.address)
    return request


def in_the_clear(peers, proxy):
    """What would see a request for Tess that is not encrypted."""
    return peers.udp(proxy.tess_ip), peers.listener(proxy.tess_ip)


def assert_nothing_in_the_clear(listeners, call_id):
    udp, tcp = listeners
    udp.expect_nothing(call_id)
    tcp.sock.settimeout(0)
    with pytest.raises(BlockingIOError):
        tcp.sock.accept()


def test_sips_goes_over_tls_and_keeps_its_scheme(proxy, peers, tess, secure):
    caller = secure.client(proxy)
    request = send(caller, proxy, caller.request("INVITE", "sips:safe@biloxi.com"))
    with contextlib.closing(tess.accept()) as callee:
        got = callee.expect_request("INVITE", request.call_id)
        assert got.uri == "sips:safe@tess.test"
        assert got.get("Via").startswith("SIP/2.0/TLS ")
        for value in got.values("Record-Route"):
            assert value.startswith("<sips:"), value
            assert "transport=" not in value
        callee.reply(got, 200)
        caller.expect_response(request, 200)


def test_sips_over_udp_is_told_to_come_back_by_tls(proxy, peers, tess):
    """16.6 step 4: what came without TLS gets a sips Record-Route that leads to
    where TLS is."""
    caller = peers.udp()
    request = send(caller, proxy, caller.request("INVITE", "sips:safe@biloxi.com"))
    with contextlib.closing(tess.accept()) as callee:
        got = callee.expect_request("INVITE", request.call_id)
        routes = got.values("Record-Route")
        assert [r.split(";")[0] for r in routes] == ["<sips:%s:5061" % proxy.ip]
        callee.reply(got, 200)
        caller.expect_response(request, 200)


@pytest.mark.parametrize("user", ["plain", "bob"])
def test_sips_never_goes_on_to_a_sip_target(proxy, peers, secure, user):
    listeners, bob = in_the_clear(peers, proxy), peers.udp(proxy.bob_ip)
    caller = secure.client(proxy)
    request = send(caller, proxy,
                   caller.request("OPTIONS", "sips:%s@biloxi.com" % user))
    final = caller.expect_response(request)
    assert final.status == 480
    assert final.get("Warning").startswith("380 ")
    assert_nothing_in_the_clear(listeners, request.call_id)
    bob.expect_nothing(request.call_id)


def test_of_several_targets_sips_takes_the_secure_ones(
        proxy, peers, secure, tess):
    listeners = in_the_clear(peers, proxy)
    caller = secure.client(proxy)
    request = send(caller, proxy, caller.request("OPTIONS", "sips:both@biloxi.com"))
    with contextlib.closing(tess.accept()) as callee:
        got = callee.expect_request("OPTIONS", request.call_id)
        callee.reply(got, 200)
        caller.expect_response(request, 200)
    assert_nothing_in_the_clear(listeners, request.call_id)


def test_sips_to_a_host_without_tls_fails_and_nothing_is_sent(
        proxy, peers, addresses):
    listeners = in_the_clear(peers, proxy)
    caller = peers.udp(addresses.take_trusted())
    for uri in ("sips:x@tess.test", "sips:x@tess.test;transport=udp"):
        request = send(caller, proxy, caller.request("OPTIONS", uri))
        assert caller.expect_response(request).status >= 400
        udp, tcp = listeners
        udp.expect_nothing(request.call_id, 0.1)


def test_a_sips_request_uri_makes_any_route_secure(
        proxy, peers, addresses, tess):
    """16.6 step 7: as if the Route were sips."""
    listeners = in_the_clear(peers, proxy)
    caller = peers.udp(addresses.take_trusted())
    request = send(caller, proxy, caller.request(
        "OPTIONS", "sips:x@far.test",
        extra=[("Route", "<sip:tess.test;lr>")]))
    with contextlib.closing(tess.accept()) as hop:
        got = hop.expect_request("OPTIONS", request.call_id)
        assert got.uri == "sips:x@far.test"
        hop.reply(got, 200)
        caller.expect_response(request, 200)
    assert_nothing_in_the_clear(listeners, request.call_id)


def test_a_sips_route_makes_record_route_sips(proxy, peers, addresses, tess):
    caller = peers.udp(addresses.take_trusted())
    request = send(caller, proxy, caller.request(
        "INVITE", "sip:x@far.test", extra=[("Route", "<sips:tess.test;lr>")]))
    with contextlib.closing(tess.accept()) as hop:
        got = hop.expect_request("INVITE", request.call_id)
        assert got.values("Record-Route")[0].startswith("<sips:")
        hop.reply(got, 200)
        caller.expect_response(request, 200)


def test_a_sip_request_to_a_sips_target_uses_tls_and_stays_sip(
        proxy, peers, tess):
    """RFC 5630 5.3: the scheme is replaced, TLS is not."""
    listeners = in_the_clear(peers, proxy)
    caller = peers.udp()
    request = send(caller, proxy, caller.request("OPTIONS", "sip:safe@biloxi.com"))
    with contextlib.closing(tess.accept()) as callee:
        got = callee.expect_request("OPTIONS", request.call_id)
        assert got.uri == "sip:safe@tess.test"
        callee.reply(got, 200)
        caller.expect_response(request, 200)
    assert_nothing_in_the_clear(listeners, request.call_id)


def test_a_redirection_to_the_other_scheme_is_the_callers_to_follow(
        tmp_path, addresses, authority, peers, secure):
    with SecureProxy(tmp_path, addresses, authority) as proxy:
        conf = proxy.daemon.conf
        conf["routes"] = [route("moved", "sip:moved@" + proxy.bob_ip,
                                recurse=True)]
        proxy.daemon.reload(conf)
        bob, caller = peers.udp(proxy.bob_ip), peers.udp()
        request = send(caller, proxy, caller.request("OPTIONS",
                                                     "sip:moved@biloxi.com"))
        bob.reply(bob.expect_request("OPTIONS", request.call_id), 302,
                  contact="<sips:moved@tess.test>")
        assert caller.expect_response(request).status == 302


def test_without_tls_sips_is_an_unknown_scheme(start_proxy, peers):
    proxy, caller = start_proxy(), peers.udp()
    request = send(caller, proxy, caller.request("OPTIONS", "sips:bob@biloxi.com"))
    assert caller.expect_response(request).status == 416


# ---- dialogs over two transports ----


def talk(caller, callee, proxy, request, got):
    """Answer, ACK, and a BYE from either side."""
    ok = callee.reply(got, 200)
    answer = caller.expect_response(request, 200)
    caller.send(caller.in_dialog("ACK", request, answer, cseq=1), proxy.address)
    callee.expect_request("ACK", request.call_id)
    info = caller.in_dialog("INFO", request, answer, cseq=2)
    caller.send(info, proxy.address)
    callee.reply(callee.expect_request("INFO", request.call_id), 200)
    caller.expect_response(info, 200)
    return ok, answer


def test_a_dialog_from_tls_to_udp(proxy, peers, secure):
    caller, bob = secure.client(proxy), peers.udp(proxy.bob_ip)
    request = send(caller, proxy, caller.request("INVITE", "sip:bob@biloxi.com"))
    got = bob.expect_request("INVITE", request.call_id)
    udp_side, tls_side = got.values("Record-Route")
    assert re.match(r"<sip:%s:5060;lr;" % re.escape(proxy.ip), udp_side)
    assert re.match(r"<sip:%s:5061;transport=tls;lr;" % re.escape(proxy.ip),
                    tls_side)
    ok, _ = talk(caller, bob, proxy, request, got)
    bye = bob.in_dialog_of_callee("BYE", got, ok)
    bob.send(bye, proxy.address)
    caller.reply(caller.expect_request("BYE", request.call_id), 200)
    bob.expect_response(bye, 200)


def test_a_dialog_from_udp_to_tls(proxy, peers, tess):
    caller = peers.udp()
    request = send(caller, proxy, caller.request("INVITE", "sip:tess@biloxi.com"))
    with contextlib.closing(tess.accept()) as callee:
        got = callee.expect_request("INVITE", request.call_id)
        tls_side, udp_side = got.values("Record-Route")
        assert ";transport=tls;" in tls_side and "transport" not in udp_side
        ok, _ = talk(caller, callee, proxy, request, got)
        bye = callee.in_dialog_of_callee("BYE", got, ok)
        callee.send(bye)
        caller.reply(caller.expect_request("BYE", request.call_id), 200)
        callee.expect_response(bye, 200)


# ---- registering ----


def test_a_sips_contact_is_registered_by_sips_alone(
        tmp_path, addresses, authority, peers, secure):
    with SecureProxy(tmp_path, addresses, authority, store="memory", domains={
            "biloxi.com": {"authenticate": "none", "registrar": True}}) as proxy:
        proxy.daemon.reload({**proxy.daemon.conf, "routes": []})
        phone = secure.client(proxy)

        def register(uri, contact, **fields):
            request = phone.request("REGISTER", uri, from_="<sip:zoe@biloxi.com>;tag=1",
                                    to="<sip:zoe@biloxi.com>", **fields)
            request = request.replace("Contact", contact)
            phone.send(request)
            return phone.expect_response(request).status

        safe = "<sips:zoe@tess.test>"
        assert register("sip:biloxi.com", safe) == 400
        assert register("sips:biloxi.com", safe + ", <sip:zoe@tess.test>") == 400
        assert register("sips:biloxi.com", safe,
                        extra=[("Path", "<sip:p.test;lr>")]) == 400
        assert register("sips:biloxi.com", safe) == 200
        # and is called by either
        context = authority.server_context(authority.issue("DNS:tess.test"))
        caller = secure.client(proxy)
        with TlsListener(proxy.tess_ip, context) as server:
            callee = None
            for scheme in ("sip", "sips"):
                request = send(caller, proxy, caller.request(
                    "OPTIONS", scheme + ":zoe@biloxi.com"))
                callee = callee or peers.keep(server.accept())
                got = callee.expect_request("OPTIONS", request.call_id)
                assert got.uri == scheme + ":zoe@tess.test"
                callee.reply(got, 200)
                caller.expect_response(request, 200)


def test_rfc5630_5_1_1_1_the_sip_and_the_sips_contact_replace_each_other(
        tmp_path, addresses, authority, secure):
    with SecureProxy(tmp_path, addresses, authority, store="memory", domains={
            "biloxi.com": {"authenticate": "none", "registrar": True}}) as proxy:
        phone = secure.client(proxy)
        for cseq, scheme in enumerate(["sip", "sips", "sip"], 1):
            request = phone.request(
                "REGISTER", scheme + ":biloxi.com", cseq=cseq, call_id="one",
                from_="<sip:zoe@biloxi.com>;tag=1", to="<sip:zoe@biloxi.com>")
            phone.send(request.replace(
                "Contact", "<%s:zoe@tess.test>;expires=100" % scheme))
            assert phone.expect_response(request, 200).values("Contact") == [
                "<%s:zoe@tess.test>;expires=100" % scheme]


def test_sips_for_a_user_with_a_sip_contact_alone_is_480(
        tmp_path, addresses, authority, peers, secure):
    with SecureProxy(tmp_path, addresses, authority, store="memory", domains={
            "biloxi.com": {"authenticate": "none", "registrar": True}}) as proxy:
        proxy.daemon.reload({**proxy.daemon.conf, "routes": []})
        phone, caller = peers.udp(), secure.client(proxy)
        request = phone.request("REGISTER", "sip:biloxi.com",
                                from_="<sip:zoe@biloxi.com>;tag=1",
                                to="<sip:zoe@biloxi.com>")
        phone.send(request, proxy.address)
        phone.expect_response(request, 200)
        request = send(caller, proxy, caller.request("OPTIONS",
                                                     "sips:zoe@biloxi.com"))
        assert caller.expect_response(request).status == 480
        phone.expect_nothing(request.call_id)

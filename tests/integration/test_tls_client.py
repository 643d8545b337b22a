"""TLS as a client (RFC 5922 7.3): whose certificate is believed, and which
connection serves whom."""

import contextlib
import ssl
import time

import pytest

from lib import settings, wait
from lib.endpoint import TlsListener
from lib.secure_proxy import SecureProxy

AT_ONCE_S = 1  # a refused certificate is no time-out


@pytest.fixture(scope="module")
def proxy(module_dir, addresses, authority):
    with SecureProxy(module_dir, addresses, authority) as made:
        yield made



def ask_tess(peers, proxy, uri="sip:tess@biloxi.com"):
    caller = peers.udp()
    request = caller.request("OPTIONS", uri)
    caller.send(request, proxy.address)
    return caller, request


def test_a_good_certificate_is_believed(proxy, peers, secure, authority):
    for names in (["DNS:tess.test"], ["DNS:TESS.test", "DNS:other.test"],
                  ["URI:sip:tess.test", "DNS:other.test"]):
        with TlsListener(proxy.tess_ip, authority.server_context(
                authority.issue(*names))) as server:
            caller, request = ask_tess(peers, proxy)
            with contextlib.closing(server.accept()) as tess:
                got = tess.expect_request("OPTIONS", request.call_id)
                assert got.get("Via").startswith("SIP/2.0/TLS ")
                tess.reply(got, 200)
                caller.expect_response(request, 200)


def test_the_name_that_is_asked_for_is_told(proxy, peers, authority):
    context = authority.server_context(authority.issue("DNS:tess.test"))
    asked = []
    context.sni_callback = lambda sock, name, _: asked.append(name)
    with TlsListener(proxy.tess_ip, context) as server:
        caller, request = ask_tess(peers, proxy)
        with contextlib.closing(server.accept()) as tess:
            tess.reply(tess.expect_request("OPTIONS"), 200)
            caller.expect_response(request, 200)
    assert asked == ["tess.test"]


BAD = {
    "another name": dict(names=["DNS:other.test"], why="is for other.test"),
    "a wildcard": dict(names=["DNS:*.test"], why="is for \\*.test"),
    "a DNS name beside a sip URI": dict(
        names=["DNS:tess.test", "URI:sip:other.test"], why="is for other.test"),
    "somebody's own": dict(names=["URI:sip:me@tess.test"], why="is for nobody"),
    "expired": dict(names=["DNS:tess.test"], days=-1, why="expired"),
    "not for servers": dict(names=["DNS:tess.test"], usage="clientAuth",
                            why="purpose"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_certificate_is_refused_at_once(proxy, peers, authority, kind):
    bad = dict(BAD[kind])
    why = bad.pop("why")
    pair = authority.issue(*bad.pop("names"), **bad)
    assert_refused(proxy, peers, authority.server_context(pair), why)


def test_an_unknown_authority_is_refused_at_once(proxy, peers, stranger):
    context = stranger.server_context(stranger.issue("DNS:tess.test"))
    assert_refused(proxy, peers, context, "self-signed certificate")


def assert_refused(proxy, peers, context, why):
    mark = len(proxy.daemon.log())
    with TlsListener(proxy.tess_ip, context) as server:
        caller, request = ask_tess(peers, proxy)
        began = time.monotonic()
        try:
            with contextlib.closing(server.accept()) as tess:
                assert tess.receive(AT_ONCE_S, lambda m: True) is None
        except (ssl.SSLError, ConnectionError):
            pass
        final = caller.expect_response(request)
    assert final.status == 500, final
    assert time.monotonic() - began < settings.patience(AT_ONCE_S + 0.5)
    line = wait.until(lambda: [l for l in proxy.daemon.log()[mark:].splitlines()
                               if "tls.refused peer=" in l], 1, "tls.refused")[0]
    assert "domain=tess.test" in line
    assert why.replace("\\", "") in line, line


def test_a_server_without_tls_is_refused_at_once(proxy, peers):
    with contextlib.closing(peers.listener(proxy.tess_ip, 5061)) as server:
        caller, request = ask_tess(peers, proxy)
        tess = server.accept()
        tess.send(b"SIP/2.0 400 What is this\r\nContent-Length: 0\r\n\r\n")
        assert caller.expect_response(request).status == 500
        tess.close()


def test_the_next_hop_is_tried_when_one_is_refused(
        start_secure, peers, addresses, authority):
    bad_ip, good_ip = addresses.take(), addresses.take()
    proxy = start_secure(names={"tess.test": [bad_ip, good_ip]})
    bad = TlsListener(bad_ip, authority.server_context(
        authority.issue("DNS:other.test")))
    good = TlsListener(good_ip, authority.server_context(
        authority.issue("DNS:tess.test")))
    with bad, good:
        caller, request = ask_tess(peers, proxy)
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            bad.accept().close()
        with contextlib.closing(good.accept()) as tess:
            tess.reply(tess.expect_request("OPTIONS", request.call_id), 200)
            caller.expect_response(request, 200)


def test_the_next_hop_is_tried_when_one_takes_tcp_and_says_nothing(
        start_secure, peers, addresses, authority):
    silent_ip, good_ip = addresses.take(), addresses.take()
    proxy = start_secure(names={"tess.test": [silent_ip, good_ip]})
    good = TlsListener(good_ip, authority.server_context(
        authority.issue("DNS:tess.test")))
    with peers.listener(silent_ip, 5061) as silent, good:
        began = time.monotonic()
        caller, request = ask_tess(peers, proxy)
        with contextlib.closing(silent.accept()):
            with contextlib.closing(good.accept(settings.patience(6))) as tess:
                assert time.monotonic() - began < settings.patience(5)
                tess.reply(tess.expect_request("OPTIONS", request.call_id), 200)
                caller.expect_response(request, 200)


# ---- RFC 3261 18.2.2: an answer whose connection is gone takes a new one ----


@pytest.mark.parametrize("names, is_told", [(["DNS:caller.test"], True),
                                            (["DNS:other.test"], False)])
def test_an_answer_takes_a_new_connection_to_whom_sent_by_names(
        proxy, peers, addresses, authority, names, is_told):
    ip = addresses.take()
    bob = peers.udp(proxy.bob_ip)
    older = authority.client_context()  # where a good-bye is answered at once
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    caller = peers.keep(proxy.connect(ip, older))
    request = caller.request("INVITE", "sip:bob@biloxi.com",
                             via=caller.via(sent_by="caller.test"))
    caller.send(request)
    got = bob.expect_request("INVITE", request.call_id)
    bob.reply(got, 180)
    caller.expect_response(request, 180)
    context = authority.server_context(authority.issue(*names))
    with TlsListener(ip, context) as listener:
        caller.sock.unwrap()  # the proxy has heard it, and answered
        bob.reply(got, 200)
        if is_told:
            with contextlib.closing(listener.accept()) as again:
                again.expect_response(request, 200)
        else:
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                with contextlib.closing(listener.accept()) as again:
                    again.expect_response(request, 200)


def test_an_answer_that_a_closed_client_cannot_take_is_sent_anew(
        proxy, peers, addresses, authority):
    ip = addresses.take()
    bob = peers.udp(proxy.bob_ip)
    caller = peers.keep(proxy.connect(ip))
    request = caller.request("MESSAGE", "sip:bob@biloxi.com",
                             via=caller.via(sent_by="caller.test"))
    caller.send(request)
    got = bob.expect_request("MESSAGE", request.call_id)
    caller.sock.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        caller.sock.unwrap()  # says good-bye, and waits for no answer
    caller.close()
    context = authority.server_context(authority.issue("DNS:caller.test"))
    with TlsListener(ip, context) as listener:
        bob.reply(got, 200)
        with contextlib.closing(listener.accept()) as again:
            again.expect_response(request, 200)


@pytest.mark.parametrize("verify, is_reached", [
    ("none", {"wrong name", "stranger"}), ("chain", {"wrong name"})])
def test_verify_server(start_secure, peers, authority, stranger, verify,
                       is_reached):
    contexts = {
        "wrong name": authority.server_context(authority.issue("DNS:x.test")),
        "stranger": stranger.server_context(stranger.issue("DNS:tess.test")),
    }
    for name, context in contexts.items():
        proxy = start_secure(name="for-" + name.replace(" ", "-"),
                             entry_options={"verify_server": verify})
        with TlsListener(proxy.tess_ip, context) as server:
            caller, request = ask_tess(peers, proxy)
            try:
                with contextlib.closing(server.accept()) as tess:
                    tess.reply(tess.expect_request("OPTIONS"), 200)
            except (ssl.SSLError, ConnectionError, AssertionError):
                assert name not in is_reached
            status = caller.expect_response(request).status
        assert status == (200 if name in is_reached else 500)


def test_a_connection_serves_the_domains_of_its_certificate(
        start_secure, peers, addresses, authority):
    ip = addresses.take()
    proxy = start_secure(names={n: ip for n in ("a.test", "b.test", "c.test")})
    caller = peers.udp(addresses.take_trusted())
    context = authority.server_context(
        authority.issue("DNS:a.test", "DNS:b.test"))
    other = authority.server_context(authority.issue("DNS:c.test"))
    context.sni_callback = lambda sock, name, _: (
        setattr(sock, "context", other) if name == "c.test" else None)

    def send(host):
        request = caller.request("OPTIONS", "sip:x@%s;transport=tls" % host)
        caller.send(request, proxy.address)
        return request

    def serve(peer, request):
        peer.reply(peer.expect_request("OPTIONS", request.call_id), 200)
        caller.expect_response(request, 200)

    with TlsListener(ip, context) as server:
        request = send("a.test")
        with contextlib.closing(server.accept()) as first:
            serve(first, request)
            serve(first, send("a.test"))
            serve(first, send("b.test"))  # its certificate names it, too
            request = send("c.test")      # and this one it does not
            with contextlib.closing(server.accept()) as second:
                serve(second, request)
                serve(first, send("b.test"))


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_are_resumed_as_a_client(proxy, peers, authority, version):
    context = authority.server_context(authority.issue("DNS:tess.test"))
    context.maximum_version = ssl.TLSVersion[version]
    reused = []
    with TlsListener(proxy.tess_ip, context) as server:
        for _ in range(2):
            caller, request = ask_tess(peers, proxy)
            with contextlib.closing(server.accept()) as tess:
                reused.append(tess.sock.session_reused)
                tess.reply(tess.expect_request("OPTIONS", request.call_id), 200)
                caller.expect_response(request, 200)
                tess.sock.unwrap()  # else the session counts as broken
            # the next call must find that this connection is gone
            proxy.assert_serves(caller)
    assert reused == [False, True]


# ---- RFC 5923: a connection that the other side has opened ----


@pytest.mark.parametrize("names, sent_by, params, is_used", [
    (["DNS:tess.test"], "tess.test:5061", ";alias", True),
    (["DNS:tess.test"], "tess.test", ";alias", True),
    (["DNS:tess.test"], "tess.test:5061", "", False),
    (["DNS:tess.test"], "other.test:5061", ";alias", False),
    (["DNS:other.test"], "tess.test:5061", ";alias", False),
    (["DNS:other.test"], "other.test:5061", ";alias", False),
])
def test_an_alias_counts_for_the_names_of_the_certificate(
        start_secure, secure, peers, authority, names, sent_by, params, is_used):
    proxy = start_secure(entry_options={"verify_client": "optional"})
    context = authority.client_context(authority.issue(*names))
    tess = secure.client(proxy, context, ip=proxy.tess_ip)
    request = tess.request("OPTIONS", "sip:" + proxy.ip,
                           via=tess.via(sent_by, params))
    tess.send(request)
    tess.expect_response(request, 200)
    caller, call = ask_tess(peers, proxy)
    if is_used:
        tess.reply(tess.expect_request("OPTIONS", call.call_id), 200)
    else:
        tess.expect_nothing(call.call_id)
    assert caller.expect_response(call).status == (200 if is_used else 500)


def test_an_alias_of_somebody_unverified_does_not_count(
        proxy, secure, peers):
    tess = secure.client(proxy, ip=proxy.tess_ip)
    request = tess.request("OPTIONS", "sip:" + proxy.ip,
                           via=tess.via("tess.test:5061", ";alias"))
    tess.send(request)
    tess.expect_response(request, 200)
    caller, call = ask_tess(peers, proxy)
    tess.expect_nothing(call.call_id)
    assert caller.expect_response(call).status == 500

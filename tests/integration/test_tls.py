"""TLS as a server (RFC 3261 26, RFC 5922 7.4): who is served, and who is
believed."""

import contextlib
import socket
import ssl
import subprocess
import time

import pytest

from lib import settings
from lib.secure_proxy import SecureProxy


@pytest.fixture(scope="module")
def proxy(module_dir, addresses, authority):
    with SecureProxy(module_dir, addresses, authority) as made:
        yield made


def limited(context, version):
    context.minimum_version = context.maximum_version = version
    return context


# ---- whoever it is ----


def test_who_says_good_bye_in_tls_1_3_gets_his_answers(proxy, peers, secure):
    bob = peers.udp(proxy.bob_ip)
    for _ in range(4):  # with two workers, some are for either
        client = secure.client(proxy)
        request = client.request("MESSAGE", "sip:bob@biloxi.com")
        client.send(request)
        got = bob.expect_request("MESSAGE", request.call_id)
        client.sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            client.sock.unwrap()
        client.sock.setblocking(True)
        bob.reply(got, 200)
        client.expect_response(request, 200)
        client.expect_close()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_both_versions_are_served(proxy, secure, authority, version):
    context = limited(authority.client_context(), ssl.TLSVersion[version])
    context.check_hostname = True
    client = secure.client(proxy, context, server_name="biloxi.com")
    assert client.sock.version() == version.replace("_", ".")
    proxy.assert_serves(client)


def test_older_versions_are_refused(proxy, authority, secure):
    context = authority.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure.client(proxy, context)
    proxy.assert_serves(secure.client(proxy))


def test_min_version(start_secure, secure, authority):
    proxy = start_secure(entry_options={"min_version": "1.3"})
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure.client(proxy, limited(authority.client_context(),
                                     ssl.TLSVersion.TLSv1_2))
    proxy.assert_serves(secure.client(proxy))


def test_renegotiation_is_refused(proxy, secure):
    client = subprocess.Popen(
        ["openssl", "s_client", "-tls1_2", "-connect",
         "%s:%d" % proxy.tls_address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    client.stdin.write(b"R\n")
    client.stdin.flush()
    said = client.communicate(timeout=settings.patience(5))[0]
    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said
    proxy.assert_serves(secure.client(proxy))


def resumed(proxy, secure, context):
    """Is the session of one connection good for the next one?"""
    first = secure.client(proxy, context)
    proxy.assert_serves(first)  # a ticket of TLS 1.3 comes with the answer
    session = first.sock.session
    first.close()
    return session


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_are_resumed_even_after_a_reload(
        proxy, secure, authority, version):
    context = limited(authority.client_context(), ssl.TLSVersion[version])
    session = resumed(proxy, secure, context)
    again = secure.client(proxy, context, session=session)
    assert again.sock.session_reused
    proxy.assert_serves(again)
    proxy.daemon.reload(proxy.daemon.conf)
    session = resumed(proxy, secure, context)
    proxy.daemon.reload(proxy.daemon.conf)
    later = secure.client(proxy, context, session=session)
    assert later.sock.session_reused
    proxy.assert_serves(later)


def test_the_certificate_is_chosen_by_name(start_secure, secure, authority):
    pairs = {n: authority.issue("DNS:" + n) for n in ("a.test", "b.test")}
    uri = authority.issue("URI:sip:c.test")
    def entry(pair):
        return {"certificate": str(pair.certificate), "key": str(pair.key),
                "ca": str(authority.path)}
    proxy = start_secure(
        entries={"a": entry(pairs["a.test"]), "b": entry(pairs["b.test"]),
                 "c": entry(uri)},
        listener_tls=["a", "b", "c"])

    def shown(name):
        client = secure.client(proxy, server_name=name)
        proxy.assert_serves(client)
        return client.sock.getpeercert(binary_form=True)

    def der(pair):
        return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())

    assert shown("a.test") == der(pairs["a.test"])
    assert shown("b.test") == der(pairs["b.test"])
    assert shown("B.Test") == der(pairs["b.test"])
    assert shown("c.test") == der(uri)
    assert shown("unknown.test") == der(pairs["a.test"])
    assert shown(None) == der(pairs["a.test"])


def test_min_version_is_that_of_the_certificate_that_is_chosen(
        start_secure, secure, authority):
    pairs = {n: authority.issue("DNS:" + n) for n in ("a.test", "b.test")}
    def entry(name, **options):
        return {"certificate": str(pairs[name].certificate),
                "key": str(pairs[name].key), **options}
    proxy = start_secure(entries={"a": entry("a.test", verify_server="none"),
                                  "b": entry("b.test", verify_server="none",
                                             min_version="1.3")},
                         listener_tls=["a", "b"])
    old = limited(authority.client_context(), ssl.TLSVersion.TLSv1_2)
    proxy.assert_serves(secure.client(proxy, old, server_name="a.test"))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure.client(proxy, old, server_name="b.test")
    proxy.assert_serves(secure.client(proxy, server_name="b.test"))


def test_a_large_body_and_many_messages_pass(proxy, secure, peers):
    bob, client = peers.udp(proxy.bob_ip), secure.client(proxy)
    body = bytes(range(256)) * 200
    request = client.request("MESSAGE", "sip:bob@biloxi.com;x=1", body=body)
    tcp = peers.listener(proxy.bob_ip)
    client.send(request)
    with contextlib.closing(tcp.accept()) as over_tcp:
        got = over_tcp.expect_request("MESSAGE", request.call_id)
        assert got.body == body
        over_tcp.reply(got, 200)
    client.expect_response(request, 200)
    many = [client.request("OPTIONS", "sip:" + proxy.ip) for _ in range(200)]
    client.send(b"".join(bytes(m) for m in many))
    for m in many:
        client.expect_response(m, 200)
    bob.expect_nothing()


def test_a_connection_without_a_goodbye_harms_nobody(proxy, secure):
    client = secure.client(proxy)
    client.send(b"OPTIONS sip:a@b SIP/2.0\r\n")
    raw = client.sock.detach()
    socket.close(raw)
    proxy.assert_serves(secure.client(proxy))


def test_a_goodbye_is_answered(proxy, secure):
    client = secure.client(proxy)
    proxy.assert_serves(client)
    client.sock.unwrap()  # raises when ours is missing


@pytest.mark.parametrize("junk", [
    b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello",
    b"\0" * 1000, b"\x16\x03\x03\xff\xff" + b"x" * 70000])
def test_what_is_no_tls_is_closed_at_once(proxy, addresses, peers, secure, junk):
    peer = peers.tcp(proxy.tls_address)
    with contextlib.suppress(ConnectionError):
        peer.send(junk)
    peer.expect_close()
    assert b"SIP/2.0" not in peer.buffer
    proxy.assert_serves(secure.client(proxy))


def test_slow_handshakes_meet_their_deadline_and_delay_nobody(
        start_secure, peers, secure, addresses):
    proxy = start_secure(limits={"handshake_timeout": "2s"})
    ip, bob = addresses.take(), peers.udp(proxy.bob_ip)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    slow = [peers.tcp(proxy.tls_address, ip) for _ in range(500)]
    began = time.monotonic()
    for i, peer in enumerate(slow):
        if i % 2:
            peer.send(hello)
    caller, latest = secure.client(proxy), 0
    while time.monotonic() - began < 1.5:
        start = time.monotonic()
        request = caller.request("OPTIONS", "sip:bob@biloxi.com")
        caller.send(request)
        bob.reply(bob.expect_request("OPTIONS", request.call_id), 200)
        caller.expect_response(request, 200)
        latest = max(latest, time.monotonic() - start)
    assert latest < settings.patience(0.2)
    for peer in slow:
        peer.expect_close(settings.patience(4))
    assert time.monotonic() - began >= 2
    proxy.assert_serves(caller)  # its handshake was done


# ---- certificates of clients ----


@pytest.mark.parametrize("demand, without, unknown, known", [
    ("none", True, True, True),
    ("optional", True, False, True),
    ("require", False, False, True),
])
def test_client_certificates(start_secure, secure, authority, stranger, demand,
                             without, unknown, known):
    proxy = start_secure(entry_options={"verify_client": demand})

    def is_served(context):
        try:
            proxy.assert_serves(secure.client(proxy, context))
        except (ssl.SSLError, ConnectionError, AssertionError):
            return False
        return True

    good, bad = authority.issue("DNS:a.test"), stranger.issue("DNS:a.test")
    assert is_served(authority.client_context()) == without
    assert is_served(authority.client_context(bad)) == unknown
    assert is_served(authority.client_context(good)) == known
    expired = authority.issue("DNS:a.test", days=-1)
    assert is_served(authority.client_context(expired)) == unknown


def test_a_verified_certificate_is_trusted_by_name(
        start_secure, secure, authority, peers):
    proxy = start_secure(entry_options={"verify_client": "optional"},
                         trust=["tls:proxy.atlanta.com"])
    far = peers.udp()
    uri = "sip:anyone@" + far.hostport

    def status(context):
        client = secure.client(proxy, context)
        request = client.request("OPTIONS", uri)
        client.send(request)
        got = far.receive(0.4, lambda m: m.call_id == request.call_id)
        if got:
            far.reply(got, 200)
        return client.expect_response(request).status

    def context(*names):
        return authority.client_context(authority.issue(*names))

    assert status(context("DNS:proxy.atlanta.com")) == 200
    assert status(context("URI:sip:Proxy.Atlanta.com")) == 200
    assert status(context("DNS:atlanta.com")) == settings.RELAYING_DENIED
    assert status(context("DNS:*.atlanta.com")) == settings.RELAYING_DENIED
    assert (status(context("URI:sip:other.test", "DNS:proxy.atlanta.com"))
            == settings.RELAYING_DENIED)
    assert status(None) == settings.RELAYING_DENIED


def test_two_domains_relay_to_each_other_by_certificate_only(
        tmp_path, addresses, authority, peers):
    hosts = {}
    with contextlib.ExitStack() as stack:
        def start(name, other):
            # trust: the other's certificate, and the phone of this test
            proxy = SecureProxy(
                tmp_path, addresses, authority, name, names=hosts)
            conf = proxy.daemon.conf
            pair = authority.issue("DNS:%s.test" % name)
            conf["tls"]["biloxi"] = proxy.entry(pair, verify_client="require")
            conf["domains"] = {name + ".test": {"authenticate": "none",
                                                "registrar": False}}
            conf["trust"] = ["tls:%s.test" % other, addresses.trusted_net]
            proxy.daemon.write(conf)
            return proxy

        east, west = start("east", "west"), start("west", "east")
        hosts = {"east.test": east.ip, "west.test": west.ip}
        for proxy in (east, west):
            proxy.write_hosts(hosts)
            stack.enter_context(proxy)
        phone = peers.udp(addresses.take_trusted())
        far = peers.udp()
        for here, there in ((east, "west"), (west, "east")):
            # through the other domain to somewhere foreign: only for trusted
            request = phone.request(
                "OPTIONS", "sip:anyone@" + far.hostport,
                extra=[("Route", "<sip:%s.test;transport=tls;lr>" % there)])
            phone.send(request, here.address)
            got = far.expect_request("OPTIONS", request.call_id)
            assert got.lines("Via")[1].startswith("SIP/2.0/TLS ")
            far.reply(got, 200)
            phone.expect_response(request, 200)

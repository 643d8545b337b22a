"""A phone in a browser and baresip, each over transports of its own: the browser's
media is ICE and DTLS-SRTP, and so is baresip's here."""

import re

import pytest

from clients import uri

# This release gives up when it is offered anything else.
CONFIG = {"auth": {"algorithms": ["MD5"]}}
WEBRTC = dict(
    account=";mediaenc=dtls_srtp;medianat=ice",
    config="module ice.so\nmodule dtls_srtp.so\nmodule srtp.so\n"
           "rtcp_mux yes")
MTU_LIMIT = 1300 # RFC 3261 18.1.1: larger requests go over TCP where they can


def invite_size(phone):
    """Bytes of the INVITE that baresip got."""
    head, _, rest = phone.log().partition("INVITE sip:")[2].replace(
        "\r\n", "\n").partition("\n\n")
    length = int(re.search(r"Content-Length: (\d+)", head).group(1))
    return len("INVITE sip:") + len(head) + head.count("\n") + 4 + length


@pytest.mark.parametrize("kind, transport", [
    ("webphone", "udp"), ("sipjs", "tcp"), ("jssip", "tls")])
def test_a_browser_calls_it_and_they_hear_each_other(phones, kind, transport):
    bob = phones.baresip("bob", transport, **WEBRTC)
    alice = phones.ready(kind, "alice", "wss")
    alice.dial("bob")
    bob.expect_event("CALL_INCOMING")
    alice.expect("ringing")
    bob.answer()
    alice.expect("talking")
    bob.expect_event("CALL_RTPESTAB") # it has heard the browser
    alice.page.hears()
    alice.hang_up()
    bob.expect_event("CALL_CLOSED")


@pytest.mark.parametrize("kind, transport", [
    ("sipjs", "udp"), ("jssip", "tcp"), ("webphone", "tls")])
def test_it_calls_a_browser_and_they_hear_each_other(phones, kind, transport):
    alice = phones.baresip("alice", transport, **WEBRTC)
    bob = phones.ready(kind, "bob")
    alice.dial(uri("bob"))
    bob.expect("incoming")
    alice.expect_event("CALL_RINGING")
    bob.answer()
    bob.expect("talking")
    alice.expect_event("CALL_ESTABLISHED")
    alice.expect_event("CALL_RTPESTAB")
    bob.page.hears()
    alice.hang_up()
    bob.expect_ended()


def test_the_invite_of_a_browser_is_large_and_reaches_a_udp_phone(phones):
    bob = phones.baresip("bob", "udp", **WEBRTC)
    alice = phones.ready("sipjs", "alice")
    alice.dial("bob")
    bob.expect_event("CALL_INCOMING")
    assert invite_size(bob) > MTU_LIMIT
    alice.cancel()
    alice.expect_ended()


@pytest.mark.parametrize("hers, his", [("udp", "tls"), ("tls", "tcp"), ("tls", "tls")])
def test_two_of_them_talk(phones, hers, his):
    alice, bob = phones.baresip("alice", hers), phones.baresip("bob", his)
    alice.dial(bob.aor)
    bob.expect_event("CALL_INCOMING")
    bob.answer()
    for phone in (alice, bob):
        phone.expect_event("CALL_RTPESTAB")
    bob.hang_up()
    alice.expect_event("CALL_CLOSED")

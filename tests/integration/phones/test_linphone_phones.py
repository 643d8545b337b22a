"""Linphone over each transport: with itself, and with a phone in a browser."""

import pytest

from clients import uri


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_two_of_them_hear_each_other(phones, transport):
    alice, bob = (phones.linphone(user, transport) for user in ("alice", "bob"))
    alice.dial(bob.aor)
    bob.expect("incoming call from sip:alice@")
    alice.expect("ringing")
    bob.answer()
    for phone in (alice, bob):
        phone.expect("Media streams established")
        phone.talk()
    for phone in (alice, bob):
        phone.hears()
    bob.hang_up()
    for phone in (alice, bob):
        phone.expect("ended")


@pytest.mark.parametrize("kind, transport", [
    ("webphone", "tls"), ("sipjs", "udp"), ("jssip", "tcp")])
def test_a_browser_calls_it_and_they_hear_each_other(phones, kind, transport):
    bob = phones.linphone("bob", transport, is_webrtc=True)
    alice = phones.ready(kind, "alice", "wss")
    alice.dial("bob")
    bob.expect("incoming call from sip:alice@")
    bob.answer()
    alice.expect("talking")
    bob.talk()
    alice.page.hears()
    bob.hears()
    alice.hang_up()
    bob.expect("ended")


# The web phone alone: where a browser begins the DTLS handshake, its first message
# is longer than this release can read.
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_it_calls_the_web_phone_and_they_hear_each_other(phones, transport):
    alice = phones.linphone("alice", transport, is_webrtc=True)
    bob = phones.ready("webphone", "bob")
    alice.dial(uri("bob"))
    bob.expect("incoming")
    alice.expect("ringing")
    bob.answer()
    alice.expect("Media streams established")
    alice.talk()
    bob.expect("talking")
    bob.page.hears()
    alice.hears()
    alice.hang_up()
    bob.expect_ended()


def test_it_gets_no_further_with_a_wrong_password(phones):
    alice = phones.signing_in("alice", "wrong")
    alice.expect_log("LinphoneRegistrationFailed", 30)

"""Phones in a browser, over WebSocket (RFC 7118): the web phone, and bare ones on
SIP.js and JsSIP."""

import pytest

from clients import talk
from domain import PASSWORDS

KINDS = ["webphone", "sipjs", "jssip"]
# Each kind calls, and each is called.
PAIRS = [("webphone", "webphone"), ("sipjs", "jssip"), ("jssip", "sipjs"),
         ("webphone", "jssip"), ("sipjs", "webphone")]
UTF8 = "Gr\u00fc\u00dfe \u2014 \u4f60\u597d \U0001f44b\nand a second line"


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_registers_with_its_password_and_no_other(phones, kind, scheme):
    assert phones.open(kind, scheme).register("alice", "wrong") == 401
    assert phones.open(kind, scheme).register("alice", PASSWORDS["alice"]) == 200


@pytest.mark.parametrize("hers, his", PAIRS)
def test_two_talk_hold_and_the_caller_hangs_up(phones, hers, his):
    alice, bob = phones.ready(hers, "alice"), phones.ready(his, "bob", "wss")
    talk(alice, bob)
    for phone in (alice, bob):
        phone.hold(True)
        phone.hold(False)
    for phone in (alice, bob):
        phone.page.hears()
    alice.hang_up()
    for phone in (alice, bob):
        phone.expect_ended()


@pytest.mark.parametrize("hers, his", PAIRS)
def test_the_callee_hangs_up(phones, hers, his):
    alice, bob = phones.ready(hers, "alice", "wss"), phones.ready(his, "bob")
    talk(alice, bob)
    bob.hang_up()
    for phone in (alice, bob):
        phone.expect_ended()


@pytest.mark.parametrize("hers", KINDS)
@pytest.mark.parametrize("status", [486, 603])
def test_a_caller_is_told_why_not(phones, hers, status):
    alice, bob = phones.ready(hers, "alice"), phones.ready("sipjs", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    bob.refuse(status)
    alice.expect_refused(status)


@pytest.mark.parametrize("hers", KINDS)
def test_nobody_there_is_404_not_signed_in_480(phones, hers):
    alice = phones.ready(hers, "alice")
    for user, status in [("nobody", 404), ("carol", 480)]:
        alice.dial(user)
        alice.expect_refused(status)


@pytest.mark.parametrize("hers, his", PAIRS)
def test_a_call_is_cancelled(phones, hers, his):
    alice, bob = phones.ready(hers, "alice"), phones.ready(his, "bob")
    alice.dial("bob")
    bob.expect("incoming")
    alice.expect("ringing")
    alice.cancel()
    for phone in (alice, bob):
        phone.expect_ended()


@pytest.mark.parametrize("hers, his", PAIRS)
def test_a_message_arrives_as_it_was_written(phones, hers, his):
    alice, bob = phones.ready(hers, "alice"), phones.ready(his, "bob", "wss")
    for text in (UTF8, "x" * 19997 + "\u20ac"): # 20,000 bytes
        assert alice.send("bob", text) == 200
        bob.expect_message(text)

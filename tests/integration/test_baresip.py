"""baresip, a softphone that is not ours: registers with a password, calls and is
called, over UDP and TCP."""

import contextlib
import json

import pytest

from lib import baresip, settings, wait
from lib.baresip import Baresip
from lib.daemon import config

DOMAIN = "biloxi.com"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}

pytestmark = pytest.mark.skipif(
    baresip.is_missing() and not settings.NO_SKIP, reason="missing: baresip")


class Office:
    """A domain whose users have passwords, and its phones."""

    def __init__(self, start_daemon, addresses, directory, stack):
        self.addresses, self.dir, self.stack = addresses, directory, stack
        self.address = (addresses.take(), 5060)
        users = directory / "users.yaml"
        users.write_text(json.dumps({"users": {
            user: {"password": word} for user, word in PASSWORDS.items()}}))
        self.daemon = start_daemon(config(
            self.address[0], DOMAIN,
            domains={DOMAIN: {"users_file": str(users)}},
            # This release gives up when it is offered anything but MD5.
            auth={"algorithms": ["MD5"]}))

    def phone(self, user, transport="udp", password=None, **options):
        made = Baresip(self.dir, user, DOMAIN, password or PASSWORDS[user],
                       self.addresses.take(), self.address, transport, **options)
        self.stack.callback(made.kill)
        return made

    def is_registered(self, peer, user):
        """Somebody else's call gets 480 where there is no contact."""
        request = peer.request("OPTIONS", "sip:%s@%s" % (user, DOMAIN))
        peer.send(request, self.address)
        return peer.expect_response(request).status != 480


@pytest.fixture
def office(start_daemon, addresses, tmp_path):
    with contextlib.ExitStack() as stack:
        yield Office(start_daemon, addresses, tmp_path, stack)


def talk(caller, callee, who_hangs_up):
    """A call from one phone to the other, until it is over for both."""
    caller.dial(callee.aor)
    callee.expect_event("CALL_INCOMING")
    caller.expect_event("CALL_RINGING")
    callee.answer()
    for phone in (caller, callee):
        phone.expect_event("CALL_ESTABLISHED")
        phone.expect_event("CALL_RTPESTAB")
    who_hangs_up.hang_up()
    for phone in (caller, callee):
        phone.expect_event("CALL_CLOSED")


@pytest.mark.parametrize("hers, his", [
    ("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")])
def test_it_registers_calls_and_is_called(office, hers, his):
    alice = office.phone("alice", hers).start()
    bob = office.phone("bob", his).start()
    talk(alice, bob, alice)
    talk(bob, alice, alice)
    for phone in (alice, bob):
        assert "SIP/2.0 401" in phone.log() and "SIP/2.0 407" in phone.log()


def test_a_busy_phone_says_so(office):
    alice, bob = office.phone("alice").start(), office.phone("bob").start()
    alice.dial(bob.aor)
    bob.expect_event("CALL_INCOMING")
    bob.hang_up()
    assert "486" in alice.expect_event("CALL_CLOSED")["param"]


def test_a_caller_who_gives_up_stops_the_ringing(office):
    alice, bob = office.phone("alice").start(), office.phone("bob").start()
    alice.dial(bob.aor)
    bob.expect_event("CALL_INCOMING")
    alice.expect_event("CALL_RINGING")
    alice.hang_up()
    bob.expect_event("CALL_CLOSED")


def test_a_wrong_password_does_not_register(office, peers):
    bob = office.phone("bob", password="guess").launch()
    wait.until(lambda: bob.log().count("SIP/2.0 401") >= 2,
               settings.patience(5), "a second challenge")
    assert not office.is_registered(peers.udp(), "bob")


def test_it_is_gone_when_it_was_switched_off(office, peers):
    bob, peer = office.phone("bob").start(), peers.udp()
    assert office.is_registered(peer, "bob")
    bob.stop()
    wait.until(lambda: not office.is_registered(peer, "bob"),
               settings.patience(5), "480")

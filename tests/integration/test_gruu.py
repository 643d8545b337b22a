"""RFC 5627: a phone's own URIs, over the wire and across a restart."""

import pytest

from lib import message
from lib.daemon import config
from lib.message import build_ack, uri_of
from lib.phone import Phone, param

UUIDS = ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
         "00000000-7dec-11d0-a765-00a0c91e6bf6"]


class Home:
    """A daemon, and Bob's two phones, the second one behind a NAT."""

    def __init__(self, daemon, ip, peers):
        self.daemon, self.address = daemon, (ip, 5060)
        self.phones = [Phone(peers.udp(), self.address),
                       Phone(peers.udp(), self.address, inside="10.9.8.7:5060")]
        self.ok = [self.register(i) for i in range(len(UUIDS))]

    def register(self, i):
        return self.phones[i].register(
            ';+sip.instance="<urn:uuid:%s>"' % UUIDS[i],
            extra=[("Supported", "gruu")])

    def gruu(self, kind, i):
        contact = next(c for c in self.ok[i].values("Contact") if UUIDS[i] in c)
        return param(contact, kind)


def settings_of(ip, workers):
    return config(ip, "biloxi.com", server={"workers": workers, "drain": "1s"},
                  domains={"biloxi.com": {"authenticate": "none"}})


@pytest.fixture(params=[1, 2, 8])
def home(request, start_daemon, addresses, peers):
    ip = addresses.take()
    return Home(start_daemon(settings_of(ip, request.param)), ip, peers)


def reaches(caller, uri, home, i, **fields):
    request = caller.request("OPTIONS", uri, **fields)
    caller.send(request, home.address)
    phone = home.phones[i].peer
    got = phone.expect_request("OPTIONS", request.call_id)
    assert ";gr" not in got.uri
    home.phones[1 - i].peer.expect_nothing(request.call_id)
    phone.reply(got, 200)
    caller.expect_response(request, 200)


def fails(caller, uri, home, status, **fields):
    request = caller.request("OPTIONS", uri, **fields)
    caller.send(request, home.address)
    caller.expect_response(request, status)


def test_both_kinds_reach_their_phone_alone(home, peers):
    caller = peers.udp()
    for i in range(2):
        assert home.gruu("pub-gruu", i) == (
            "sip:bob@biloxi.com;gr=urn:uuid:" + UUIDS[i])
        reaches(caller, home.gruu("pub-gruu", i), home, i)
        reaches(caller, home.gruu("temp-gruu", i), home, i)


def test_they_survive_a_crash(home, peers):
    home.daemon.kill()
    home.daemon.log_file.write_text("")  # start() waits for what it says
    home.daemon.start()
    caller = peers.udp()
    for i in range(2):
        reaches(caller, home.gruu("pub-gruu", i), home, i)
        reaches(caller, home.gruu("temp-gruu", i), home, i)


def test_a_new_call_id_ends_the_temporary_ones(home, peers):
    caller, old = peers.udp(), home.gruu("temp-gruu", 0)
    home.phones[0].call_id = message.unique("reg")
    home.ok[0] = home.register(0)
    fails(caller, old, home, 404)
    reaches(caller, home.gruu("temp-gruu", 0), home, 0)
    reaches(caller, home.gruu("temp-gruu", 1), home, 1)


def test_away_is_480_and_none_is_404(home, peers):
    caller = peers.udp()
    fails(caller, "sip:bob@biloxi.com;gr=urn:uuid:x", home, 480)
    fails(caller, "sip:tgruu.AAAA@biloxi.com;gr", home, 404)
    fails(caller, "sip:bob@biloxi.com;gr", home, 404)
    home.phones[0].register(expires=0)
    fails(caller, home.gruu("pub-gruu", 0), home, 480)
    fails(caller, home.gruu("temp-gruu", 0), home, 404)


def test_a_strangers_request_with_a_to_tag_may_name_a_gruu(home, peers):
    caller, tagged = peers.udp(), "<sip:bob@biloxi.com>;tag=other"
    fails(caller, "sip:bob@biloxi.com", home, 481, to=tagged)
    reaches(caller, home.gruu("pub-gruu", 1), home, 1, to=tagged)


@pytest.mark.parametrize("i", [0, 1])
def test_a_dialog_whose_target_is_a_gruu(home, peers, i):
    """Its requests find the phone by the GRUU, whatever its Contact was."""
    caller, phone = peers.udp(), home.phones[i].peer
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(invite, home.address)
    legs = [p.peer.expect_request("INVITE", invite.call_id)
            for p in home.phones]
    gruu = home.gruu("temp-gruu", i)
    phone.reply(legs[i], 200, contact="<%s>" % gruu)
    ok = caller.expect_response(invite, 200)
    assert uri_of(ok.get("Contact")) == gruu
    caller.send(caller.in_dialog("ACK", invite, ok, cseq=1), home.address)
    assert ";gr" not in phone.expect_request("ACK", invite.call_id).uri
    bye = caller.in_dialog("BYE", invite, ok)
    caller.send(bye, home.address)
    got = phone.expect_request("BYE", invite.call_id)
    assert ";gr" not in got.uri
    phone.reply(got, 200)
    caller.expect_response(bye, 200)


def test_a_contact_may_not_be_a_gruu_of_its_own_address(home, peers):
    for kind in ("pub-gruu", "temp-gruu"):
        home.phones[0].register(uri=home.gruu(kind, 1), status=403)

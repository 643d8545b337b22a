"""RFC 3261 22.3: a request that comes back by way of another proxy while its
answer is awaited."""

import pytest

from lib.daemon import config, route
from lib.digest import challenges, credentials
from lib.house import DOMAIN, NOBODY, PASSWORDS, House
from lib.message import build_ack, unique
from lib.phone import Phone


class Spiral:
    """Alice's call goes to another proxy, which sends it back for Bob: the part
    of that proxy is played by house.victim."""

    def __init__(self, house):
        self.house = house
        self.uri = "sip:fwd@" + DOMAIN
        self.from_ = "<sip:alice@%s>;tag=%s" % (DOMAIN, unique("a"))
        asked = house.ask(self.uri, "INVITE", from_=self.from_)
        answer = house.caller.expect_response(asked, 407)
        house.caller.send(build_ack(asked, answer), house.address)
        self.invite = house.ask(
            self.uri, "INVITE", from_=self.from_, cseq=2, call_id=asked.call_id,
            extra=[("Proxy-Authorization", credentials(
                challenges(answer)["SHA-256"], "alice", PASSWORDS["alice"],
                "INVITE", self.uri))])
        self.got = house.victim.expect_request("INVITE", asked.call_id)
        self.source = house.victim.source

    def come_back(self, uri="sip:bob@" + DOMAIN, **changed):
        """The request as the other proxy passes it on."""
        again = self.got.add("Via", self.house.victim.via())
        again.start = "INVITE %s SIP/2.0" % uri
        for name, value in changed.items():
            again = again.replace(name.replace("_", "-"), value)
        self.house.victim.send(again, self.house.address)
        return again


@pytest.fixture
def spiral(start_daemon, addresses, tmp_path, peers):
    return Spiral(House(start_daemon, addresses, tmp_path, peers))


def test_22_3_who_was_asked_is_not_asked_again_when_the_request_comes_back(
        spiral):
    house, again = spiral.house, spiral.come_back()
    got = house.bob.expect_request("INVITE", again.call_id)
    assert len(got.values("Via")) == 4
    house.bob.reply(got, 200)
    ok = house.victim.expect_response(again, 200)
    house.victim.send(ok.replace("Via", None), spiral.source)
    house.caller.expect_response(spiral.invite, 200)
    house.caller.send(house.caller.in_dialog("BYE", spiral.invite, ok, cseq=3),
                      house.address)
    assert house.bob.expect_request("BYE", again.call_id).values("Route") == []


def test_22_3_nor_inside_the_dialog_that_it_began(spiral):
    """The other proxy is on the way there, too."""
    house = spiral.house
    spiral.got = spiral.got.add("Record-Route", "<sip:%s;lr>"
                                % house.victim.hostport)
    again = spiral.come_back()
    got = house.bob.expect_request("INVITE", again.call_id)
    house.bob.reply(got, 200)
    ok = house.victim.expect_response(again, 200)
    house.victim.send(ok.replace("Via", None), spiral.source)
    ok = house.caller.expect_response(spiral.invite, 200)
    bye = house.caller.in_dialog("BYE", spiral.invite, ok, cseq=3)
    house.caller.send(bye, house.address)
    leg = house.victim.expect_request("BYE", again.call_id)
    routes = [("Route", v) for v in leg.values("Route")[1:]]
    leg = leg.replace("Route", None).add("Via", house.victim.via())
    leg.headers += routes
    house.victim.send(leg, house.address)
    house.bob.expect_request("BYE", again.call_id)


def test_22_3_nor_a_third_time(spiral):
    house, again = spiral.house, spiral.come_back("sip:fwd@sip.biloxi.com")
    spiral.got = house.victim.expect_request("INVITE", again.call_id)
    assert len(spiral.got.values("Via")) == 4
    again = spiral.come_back()
    house.bob.expect_request("INVITE", again.call_id)


def test_22_3_a_route_that_wants_a_user_does_not_ask_again_for_one_of_ours(
        spiral):
    house, uri = spiral.house, "sip:alice@" + DOMAIN
    house.register("alice")
    again = spiral.come_back(uri)
    house.bob.expect_request("INVITE", again.call_id)
    for changed in ({"Call_ID": "another"}, {"CSeq": "3 INVITE"},
                    {"From": NOBODY}):
        again = spiral.come_back(uri, **changed)
        house.victim.expect_response(again, 407)
    # to the gateway he would call on Alice's account
    again = spiral.come_back("sip:pstn@" + DOMAIN)
    house.victim.expect_response(again, 407)
    house.gateway.expect_nothing(seconds=0.05)


def test_22_3_another_request_is_asked_whatever_via_it_shows(spiral):
    for changed in ({"Call_ID": "another"}, {"CSeq": "3 INVITE"},
                    {"From": "<sip:alice@biloxi.com>;tag=other"},
                    {"From": "<sip:bob@biloxi.com>;tag=other"}):
        again = spiral.come_back(**changed)
        spiral.house.victim.expect_response(again, 407)
    spiral.house.bob.expect_nothing(seconds=0.05)


def test_22_3_who_sends_it_back_cannot_make_it_call_out(spiral, peers):
    far = peers.udp()
    again = spiral.come_back("sip:x@" + far.hostport)
    spiral.house.victim.expect_response(again, 403)
    far.expect_nothing(seconds=0.05)


def test_22_3_nor_send_it_back_when_it_is_over(spiral):
    house = spiral.house
    house.victim.reply(spiral.got, 486)
    house.victim.expect_request("ACK", spiral.got.call_id)
    house.caller.send(build_ack(spiral.invite, house.caller.expect_response(
        spiral.invite, 486)), house.address)
    again = spiral.come_back()
    house.victim.expect_response(again, 407)


# ---- our own address in `trust` ----


@pytest.fixture
def trusting(start_daemon, addresses, peers):
    """Our own address and a gateway's are in `trust`; 900 is for `trust` only,
    and Bob's calls go there."""
    ip, gateway = addresses.take(), peers.udp()
    only_trusted = route("900", "sip:x@" + gateway.hostport)
    only_trusted["match"]["caller"] = "trusted"
    inside = addresses.take_trusted()
    start_daemon(config(ip, DOMAIN, trust=[ip, inside], routes=[only_trusted],
                        domains={DOMAIN: {"authenticate": "none"}}))
    phone = Phone(peers.udp(), (ip, 5060))
    phone.register(uri="sip:900@" + ip)
    return gateway, (ip, 5060), peers.udp(inside)


def options_for_bob(peer, address):
    request = peer.request("OPTIONS", "sip:bob@" + DOMAIN, from_=NOBODY)
    peer.send(request, address)
    return request


def test_a_contact_that_is_ourselves_makes_nobody_trusted(trusting, peers):
    gateway, address, _ = trusting
    caller = peers.udp()
    caller.expect_response(options_for_bob(caller, address), 480)
    gateway.expect_nothing()


def test_nor_keeps_somebody_trusted(trusting):
    """Bob has chosen where the call goes, not who is in `trust`."""
    gateway, address, peer = trusting
    peer.expect_response(options_for_bob(peer, address), 480)
    gateway.expect_nothing()


def test_nor_the_ack_of_anybody(trusting, peers):
    gateway, address, _ = trusting
    caller = peers.udp()
    ack = caller.request("ACK", "sip:bob@" + DOMAIN, from_=NOBODY)
    caller.send(ack, address)
    gateway.expect_nothing()


def test_nor_calls_out_on_the_account_of_who_has_a_password(
        start_daemon, addresses, tmp_path, peers):
    house = House(start_daemon, addresses, tmp_path, peers, trusts_itself=True)
    house.register("bob", contact="<sip:pstn@%s>" % house.ip)
    alice = "<sip:alice@%s>;tag=a" % DOMAIN
    asked = house.ask("sip:bob@" + DOMAIN, from_=alice)
    answer = house.caller.expect_response(asked, 407)
    again = house.ask("sip:bob@" + DOMAIN, from_=alice, cseq=2,
                      call_id=asked.call_id,
                      extra=[("Proxy-Authorization", credentials(
                          challenges(answer)["SHA-256"], "alice",
                          PASSWORDS["alice"], "OPTIONS", "sip:bob@" + DOMAIN))])
    house.bob.reply(house.bob.expect_request("OPTIONS", again.call_id), 486)
    house.caller.expect_response(again, 407)
    house.gateway.expect_nothing()

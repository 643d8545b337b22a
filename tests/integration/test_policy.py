"""Attempts to get around the policy of a domain: identities, tokens, Route
values, Request-URIs and addresses of record that are not what they seem."""

import base64
import itertools
import re

import pytest

from lib import settings, wait
from lib.daemon import config
from lib.digest import challenges, credentials
from lib.house import DOMAIN, NOBODY, PASSWORDS, REFUSED, House
from lib.message import build_ack, build_response, unique

PAI = ("P-Asserted-Identity", '"Root" <sip:root@biloxi.com>')
PPI = ("P-Preferred-Identity", "<sip:root@biloxi.com>")


@pytest.fixture
def house(start_daemon, addresses, tmp_path, peers):
    return House(start_daemon, addresses, tmp_path, peers)


# ---- identities (RFC 3325) ----


def identities(message):
    return message.lines(PAI[0]) + message.lines(PPI[0])


def test_rfc3325_5_identities_of_a_stranger_go_no_further(house):
    for user, peer in (("bob", house.bob), ("gw", house.gateway)):
        request = house.ask("sip:%s@%s" % (user, DOMAIN), extra=[PAI, PPI, PAI])
        assert identities(peer.expect_request("OPTIONS", request.call_id)) == []


def test_rfc3325_5_identities_of_a_trusted_peer_go_on(house):
    request = house.ask("sip:bob@" + DOMAIN, peer=house.gateway,
                        extra=[PAI, PPI])
    got = house.bob.expect_request("OPTIONS", request.call_id)
    assert identities(got) == [PAI[1], PPI[1]]


def test_rfc3325_5_they_go_no_further_in_an_ack(house):
    invite, _, ok = house.dialog()
    ack = house.caller.in_dialog("ACK", invite, ok, cseq=1).add(*PAI)
    house.caller.send(ack, house.address)
    assert identities(house.bob.expect_request("ACK", invite.call_id)) == []


def test_rfc3325_7_privacy_id_stays_within_trust_branch_by_branch(
        house, addresses, peers):
    sender = peers.udp(addresses.take_trusted())
    request = house.ask("sip:two@" + DOMAIN, peer=sender,
                        extra=[PAI, ("Privacy", "header;id")])
    inside = house.gateway.expect_request("OPTIONS", request.call_id)
    outside = house.victim.expect_request("OPTIONS", request.call_id)
    assert inside.lines(PAI[0]) == [PAI[1]] and outside.lines(PAI[0]) == []
    assert inside.get("Privacy") == outside.get("Privacy") == "header;id"


@pytest.mark.parametrize("status", [180, 200, 486])
def test_rfc3325_5_responses_follow_the_same_rules(house, addresses, peers,
                                                   status):
    def answer_to(caller, user, callee, *extra):
        invite = house.ask("sip:%s@%s" % (user, DOMAIN), "INVITE", caller)
        got = callee.expect_request("INVITE", invite.call_id)
        callee.reply(got, status, extra=[PAI, *extra])
        answer = caller.expect_response(invite, status)
        if status == 486:
            caller.send(build_ack(invite, answer), house.address)
        return answer.lines(PAI[0])

    trusted = peers.udp(addresses.take_trusted())
    private = ("Privacy", "id")
    assert answer_to(house.caller, "bob", house.bob) == []
    assert answer_to(trusted, "bob", house.bob) == []
    assert answer_to(house.caller, "gw", house.gateway) == [PAI[1]]
    assert answer_to(house.caller, "gw", house.gateway, private) == []
    assert answer_to(trusted, "gw", house.gateway, private) == [PAI[1]]


def test_rfc3325_5_so_does_a_2xx_that_comes_after_the_first(house):
    invite, got, _ = house.dialog()
    house.bob.send(build_response(got, 200, house.bob.contact, tag="second",
                                  extra=[PAI]), house.address)
    again = house.caller.expect_response(invite, 200)
    assert "second" in again.get("To") and again.lines(PAI[0]) == []


def test_a_from_that_cannot_be_told_from_one_of_ours_is_400(house):
    """A phone might read it as Alice."""
    for uri in ("sip:alice@%s:0", "sip:alice@%s:", "sip:alice@%s..",
                "sip:alice@x@%s", "sips:alice@%%62iloxi.com?x=%s"):
        request = house.ask("sip:bob@" + DOMAIN, from_="<%s>;tag=1" % uri
                            % DOMAIN)
        house.caller.expect_response(request, 400)
    house.bob.expect_nothing(seconds=0.1)


# ---- what the operator may want ----


def test_a_route_may_want_a_user(house):
    uri = "sip:pstn@" + DOMAIN
    request = house.ask(uri)
    challenge = challenges(house.caller.expect_response(request, 407))["SHA-256"]
    value = credentials(challenge, "alice", PASSWORDS["alice"], "OPTIONS", uri)
    stranger = house.ask(uri, extra=[("Proxy-Authorization", value)])
    house.caller.expect_response(stranger, 403)
    house.gateway.expect_nothing(seconds=0.05)
    alice = house.ask(uri, from_="<sip:alice@%s>;tag=1" % DOMAIN, extra=[
        ("Proxy-Authorization", credentials(
            challenge, "alice", PASSWORDS["alice"], "OPTIONS", uri, 2))])
    got = house.gateway.expect_request("OPTIONS", alice.call_id)
    assert not got.lines("Proxy-Authorization")


def test_service_route_third_party_and_the_limit_of_registrations(
        start_daemon, addresses, peers):
    ip, phone = addresses.take(), peers.udp()
    daemon = start_daemon(config(
        ip, DOMAIN, limits={"registrations": 2},
        domains={DOMAIN: {"authenticate": "none",
                          "service_route": ["sip:edge.biloxi.com;lr"]}}))

    def register(user, status, by=None, contact="<sip:x@h.test>"):
        request = phone.request(
            "REGISTER", "sip:" + DOMAIN, to="<sip:%s@%s>" % (user, DOMAIN),
            from_="<sip:%s@%s>;tag=1" % (by or user, DOMAIN)).replace(
                "Contact", contact)
        phone.send(request, (ip, 5060))
        return phone.expect_response(request, status)
    assert register("a", 200).lines("Service-Route") == [
        "<sip:edge.biloxi.com;lr>"]
    register("b", 403, by="a")
    daemon.reload({**daemon.conf, "registrar": {"third_party": True}})
    register("b", 200, by="a")
    assert register("c", 503).get("Retry-After") == "5"
    daemon.expect_log("location.full registrations=2")
    register("a", 200, contact="<sip:y@h.test>")
    daemon.reload({**daemon.conf, "limits": {"registrations": 3}})
    register("c", 200)


# ---- tokens of Record-Route ----


def token_of(route):
    return re.search(r";dlg=([^;>]*)", route).group(1)


def in_dialog_elsewhere(house, invite, ok, route, uri=None, **fields):
    """A request with this Route that wants to end at the victim."""
    fields = {"from_": invite.get("From"), "to": ok.get("To"),
              "call_id": invite.call_id, **fields}
    return house.ask(uri or "sip:x@" + house.victim.hostport, "INFO",
                     extra=[("Route", route)], cseq=next(CSEQ), **fields)


CSEQ = itertools.count(10)


def test_a_token_is_no_licence_to_relay(house):
    invite, _, ok = house.dialog()
    route = ok.get("Record-Route")
    request = in_dialog_elsewhere(house, invite, ok, route)
    got = house.bob.expect_request("INFO", request.call_id)
    assert got.uri == "sip:x@" + house.victim.hostport
    house.victim.expect_nothing(seconds=0.1)


def test_not_even_the_token_of_who_has_shown_credentials(house, peers):
    """Bob, or whoever has read the token, is not Alice."""
    alice = "<sip:alice@%s>;tag=a" % DOMAIN
    uri = "sip:bob@" + DOMAIN
    first = house.ask(uri, "INVITE", from_=alice)
    challenge = challenges(house.caller.expect_response(first, 407))["SHA-256"]
    invite = house.ask(uri, "INVITE", from_=alice, cseq=2, extra=[
        ("Proxy-Authorization", credentials(
            challenge, "alice", PASSWORDS["alice"], "INVITE", uri))])
    ok = house.bob.reply(house.bob.expect_request("INVITE", invite.call_id),
                         200)
    house.caller.expect_response(invite, 200)
    thief = peers.udp()
    request = in_dialog_elsewhere(house, invite, ok, ok.get("Record-Route"),
                                  peer=thief)
    house.bob.expect_request("INFO", request.call_id)
    house.victim.expect_nothing(request.call_id, 0.1)


def test_a_token_is_no_credential_of_a_register(house):
    """The caller takes the dialog that he has had with Bob for his password."""
    invite, _, ok = house.dialog()
    me = "<sip:bob@%s>" % DOMAIN
    from_ = re.sub("<[^>]*>", me, invite.get("From"))
    for to in (me, me + ";tag=" + ok.get("To").partition(";tag=")[2]):
        request = house.caller.request(
            "REGISTER", "sip:" + DOMAIN, from_=from_, to=to,
            call_id=invite.call_id, cseq=next(CSEQ),
            extra=[("Route", ok.get("Record-Route"))])
        house.caller.send(request, house.address)
        house.caller.expect_response(request, 401)


def test_a_token_makes_nobody_one_of_ours(house):
    """In the middle of his call a stranger says that he is Alice."""
    invite, _, ok = house.dialog()
    tag = invite.get("From").partition(";tag=")[2]
    for uri in ("sip:alice@biloxi.com", "sips:alice@BILOXI.com.:5061",
                "sip:alice@biloxi.com:0"):
        for method in ("INVITE", "MESSAGE"):
            house.assert_refused(house.ask(
                "sip:bob@" + house.bob.hostport, method, call_id=invite.call_id,
                from_="<%s>;tag=%s" % (uri, tag), to=ok.get("To"),
                cseq=next(CSEQ), extra=[("Route", ok.get("Record-Route"))]))
    house.bob.expect_nothing(seconds=0.1)
    request = in_dialog_elsewhere(
        house, invite, ok, ok.get("Record-Route"),
        from_="<sip:other@elsewhere.example>;tag=" + tag)
    house.bob.expect_request("INFO", request.call_id)


def test_a_token_does_not_begin_another_dialog(house):
    """Without a tag in To, it is a request outside a dialog (RFC 3261 section
    12.2): rules and credentials apply."""
    invite, _, ok = house.dialog()
    for method in ("INVITE", "MESSAGE"):
        house.assert_refused(house.ask(
            "sip:x@" + house.victim.hostport, method, call_id=invite.call_id,
            from_=invite.get("From"), to="<sip:x@%s>" % house.victim.hostport,
            cseq=next(CSEQ), extra=[("Route", ok.get("Record-Route"))]), 0.1)
    house.bob.expect_nothing(invite.call_id, 0.05)


def test_a_token_with_any_byte_changed_is_none(house):
    invite, _, ok = house.dialog()
    route = ok.get("Record-Route")
    token = token_of(route)
    for i in range(len(token)):
        for flip in (1, 2, 32):
            bad = token[:i] + chr(ord(token[i]) ^ flip) + token[i + 1:]
            if not re.fullmatch(r"[\w.!~*'()$&+/:\[\]-]+", bad):
                continue
            house.assert_refused(in_dialog_elsewhere(
                house, invite, ok, route.replace(token, bad)), 0)
    house.bob.expect_nothing(seconds=0.1)
    house.victim.expect_nothing(seconds=0.05)


def forged(token):
    """Tokens that nobody gave."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    text = base64.urlsafe_b64encode
    yield from (token[:n] for n in range(1, len(token)))
    yield from (token + "A", token + token, "A" * len(token), "", "%41" + token[1:])
    yield from (text(raw[:n]).decode().rstrip("=") for n in range(1, len(raw)))
    yield text(raw + b"\0").decode().rstrip("=")
    yield token.swapcase()


def test_a_token_that_was_cut_lengthened_or_made_up_is_none(house):
    invite, _, ok = house.dialog()
    route = ok.get("Record-Route")
    token = token_of(route)
    for bad in set(forged(token)) - {token}:
        house.assert_refused(in_dialog_elsewhere(
            house, invite, ok, route.replace(token, bad)), 0)
    without = re.sub(r";dlg=[^;>]*", "", route)
    for bad in (without, without.replace(";lr", ";lr;dlg"),
                route.replace("dlg=", "gld=")):
        house.assert_refused(in_dialog_elsewhere(house, invite, ok, bad), 0)
    house.bob.expect_nothing(seconds=0.1)
    house.victim.expect_nothing(seconds=0.05)


def test_a_token_is_worth_nothing_in_another_dialog(house):
    invite, _, ok = house.dialog()
    for changed in ({"call_id": "another-call@x"}, {"from_": NOBODY + "2"},
                    {"from_": "<sip:eve@elsewhere.example>"}):
        house.assert_refused(in_dialog_elsewhere(
            house, invite, ok, ok.get("Record-Route"), **changed), 0.1)
    house.bob.expect_nothing(seconds=0.05)


def test_who_replays_a_token_from_elsewhere_reaches_its_two_sides_alone(
        house, peers):
    invite, _, ok = house.dialog()
    thief = peers.udp()
    request = thief.request(
        "INFO", "sip:x@" + house.victim.hostport, from_=invite.get("From"),
        to=ok.get("To"), call_id=invite.call_id, cseq=50,
        extra=[("Route", ok.get("Record-Route"))])
    thief.send(request, house.address)
    house.bob.expect_request("INFO", request.call_id)
    # as Bob's side, he reaches the caller
    back = thief.request(
        "INFO", "sip:x@" + house.victim.hostport, from_=ok.get("To"),
        to=invite.get("From"), call_id=invite.call_id, cseq=51,
        extra=[("Route", ok.get("Record-Route"))])
    thief.send(back, house.address)
    house.caller.expect_request("INFO", back.call_id)
    house.victim.expect_nothing(seconds=0.1)


def test_a_token_of_another_secret_is_none(house):
    invite, _, ok = house.dialog()
    conf = house.daemon.conf
    house.daemon.stop()
    house.daemon.write({**conf, "server": {**conf["server"], "secret": "x" * 40}})
    house.daemon.log_file.write_text("")
    house.daemon.start()
    house.assert_refused(in_dialog_elsewhere(
        house, invite, ok, ok.get("Record-Route")), 0.1)
    house.bob.expect_nothing(invite.call_id, 0.05)


# ---- Route, maddr, To tag ----


def ways_out(house):
    """(URI, more fields) of requests that end at the victim if they are
    relayed."""
    us, them = house.ip, house.victim.hostport
    victim = "sip:x@" + them
    return [
        (victim, [("Route", "<sip:%s;lr>" % us)]),
        (victim, [("Route", "<sip:%s;lr>, <sip:%s;lr>" % (us, us))]),
        (victim, [("Route", "<sip:%s;lr>" % us), ("Route", "<sip:%s;lr>" % them)]),
        ("sip:bob@" + DOMAIN, [("Route", "<sip:%s;lr>" % them)]),
        ("sip:bob@" + DOMAIN, [("Route", "<sip:%s>" % them)]),
        ("sip:bob@" + DOMAIN, [("Route", "<sip:%s;lr>, <sip:%s;lr>" % (us, them))]),
        ("sip:%s;lr" % us, [("Route", "<%s>" % victim)]),
        ("sip:bob@%s;maddr=%s" % (DOMAIN, house.victim.address[0]), []),
        ("sip:%s;maddr=%s" % (us, house.victim.address[0]), []),
        ("%s;maddr=%s" % (victim, us), []),
        (victim + ";lr", []), (victim + ";transport=udp", []),
        ("sip:bob%%40%s@%s" % (DOMAIN, them), []),
        ("sip:%s@%s" % (DOMAIN, them), []),
        ("sip:bob@%s@%s" % (DOMAIN, them), []),
        ("sip:bob@%s;x=@%s" % (them, DOMAIN), []),
        ("sip:bob@%s?x=@%s" % (them, DOMAIN), []),
        ("sip:bob:@%s" % them, []), ("sip:bob@%s." % them, []),
    ]


@pytest.mark.parametrize("to", [None, "<sip:bob@biloxi.com>;tag=fake"])
def test_no_route_maddr_or_to_tag_leads_a_stranger_out(house, to):
    for uri, extra in ways_out(house):
        request = house.ask(uri, extra=extra, to=to)
        answer = house.caller.expect_response(request)
        assert answer.status in REFUSED, (uri, extra, answer)
    house.victim.expect_nothing(seconds=0.1)
    house.bob.expect_nothing(seconds=0.05)


def test_a_route_of_ours_with_maddr_is_ours_all_the_same(house):
    request = house.ask("sip:bob@" + DOMAIN, extra=[
        ("Route", "<sip:%s;lr;maddr=%s>" % (house.ip, house.victim.address[0]))])
    house.bob.expect_request("OPTIONS", request.call_id)
    house.victim.expect_nothing(seconds=0.1)


# ---- Request-URIs ----


def test_names_of_ours_are_ours_however_they_are_written(house):
    for host in (DOMAIN, "BILOXI.com", "biloxi.com.", DOMAIN + ":5060",
                 "sip.biloxi.com", "SIP.BILOXI.COM", house.ip,
                 house.ip + ":5060", DOMAIN + ";transport=udp",
                 DOMAIN + ";x=y;lr"):
        for user in ("bob", "%62ob", "b%6Fb", "bob:secret"):
            request = house.ask("sip:%s@%s" % (user, host))
            house.bob.expect_request("OPTIONS", request.call_id)


def test_names_that_look_like_ours_are_not(house):
    a, b, c, d = map(int, house.ip.split("."))
    for host in ("biloxi.com:5061", "xbiloxi.com", "biloxi.com.example",
                 "biloxi.comx", "biloxi-com", "biloxi", "com", "%62iloxi.com",
                 "biloxi%2ecom", "biloxi.com%00", "biloxi.com..", ".biloxi.com",
                 house.ip + ":5061", house.ip + ":05061",
                 "[::ffff:%s]" % house.ip, "[::1]",
                 "%d.%d" % (a, b << 16 | c << 8 | d),
                 "%d" % (a << 24 | b << 16 | c << 8 | d),
                 "0x%x.%d.%d.%d" % (a, b, c, d), "0177.%d.%d.%d" % (b, c, d)):
        answer = house.caller.expect_response(house.ask("sip:bob@" + host))
        assert answer.status in REFUSED, (host, answer)
    house.bob.expect_nothing(seconds=0.1)


LOOK_ALIKES = [
    "Bob", "BOB", "bob%20", "bob%00", "%2562ob", "bo%62%62", "b ob", "bob%0a",
    "bob%2F", "b%c3%b8b", "bob+", "bob-", "'bob'", "bob%27--", "*", "%25", "_ob",
    "bob;x", "../bob", "alice%00bob"]


def test_users_that_look_like_bob_are_not(house):
    for user in LOOK_ALIKES:
        answer = house.caller.expect_response(
            house.ask("sip:%s@%s" % (user, DOMAIN)))
        assert answer.status in (400, 404), (user, answer)
    house.bob.expect_nothing(seconds=0.1)


# ---- what a database or a shell could take for more than text ----

NASTY = [
    "x'; DROP TABLE records;--", "x' OR '1'='1", 'x" OR ""="', "x`id`",
    "$(id)", "x;id", "x|id", "x&id", "../../etc/passwd", "..%2f..%2f", "x\\",
    "%s%n%d", "{{7*7}}", "x\x7f", "\xc3\x28", "' UNION SELECT 1,2--", "*", "%",
    "_", "x\ty", "-rf", "x#y", "x\0y", "\u202e",
]


def escaped(user):
    return "".join(c if c.isalnum() and c.isascii() else
                   "".join("%%%02x" % b for b in c.encode("utf-8")) for c in user)


def test_an_address_of_record_is_text_whatever_it_holds(
        start_daemon, addresses, peers):
    ip = addresses.take()
    phone = peers.udp()
    daemon = start_daemon(config(
        ip, DOMAIN, domains={DOMAIN: {"authenticate": "none"}}))

    def register(user, contact):
        me = "<sip:%s@%s>" % (escaped(user), DOMAIN)
        extra = [("Contact", contact)] if contact else []
        request = phone.request("REGISTER", "sip:" + DOMAIN, from_=me + ";tag=1",
                                to=me, extra=extra).replace("Contact", None)
        phone.send(request, (ip, 5060))
        return phone.expect_response(request, 200).values("Contact")

    def contact(i):
        return "<sip:%s@h%d.test;x=%s>" % (escaped(NASTY[-i]), i, escaped(NASTY[i]))
    for i, user in enumerate(NASTY):
        made = register(user, contact(i))
        assert len(made) == 1 and made[0].startswith(contact(i))
    daemon.stop()
    daemon.log_file.write_text("")
    daemon.start()
    for i, user in enumerate(NASTY):
        kept = register(user, None)
        assert len(kept) == 1 and kept[0].startswith(contact(i)), user


# ---- guessing ----


def test_who_guesses_is_shut_out_for_a_while_and_nobody_else(
        start_daemon, addresses, tmp_path, peers):
    house = House(start_daemon, addresses, tmp_path, peers, limits={
        "auth_failures": {"count": 5, "within": "1m",
                          "ban": "%ds" % settings.patience(1)}})
    scanner, uri = peers.udp(), "sip:" + DOMAIN

    def guess(user, word, n, status=None):
        me = "<sip:%s@%s>" % (user, DOMAIN)
        call_id = unique("guess")

        def ask(cseq, extra):
            request = scanner.request(
                "REGISTER", uri, cseq=cseq, extra=extra, from_=me + ";tag=g",
                to=me, call_id=call_id)
            scanner.send(request, house.address)
            return scanner.expect_response(request)
        answer = ask(1, [])
        if answer.status != 401:
            return answer.status
        challenge = challenges(answer)["MD5"]
        return ask(2, [("Authorization", credentials(
            challenge, user, word, "REGISTER", uri))]).status
    assert [guess("alice", "guess%d" % i, i) for i in range(5)] == 5 * [401]
    # neither the right password nor another user helps
    assert guess("alice", PASSWORDS["alice"], 6) == 403
    assert guess("bob", PASSWORDS["bob"], 7) == 403
    # the rightful one, from where he is
    assert house.register("alice").status == 200
    house.daemon.expect_log("auth.banned")
    wait.until(lambda: guess("bob", PASSWORDS["bob"], 8) == 200,
               settings.patience(8), "the end of the ban")

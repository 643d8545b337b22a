"""Credentials that are not quite right (RFC 3261 22.4, RFC 7616 3.4): altered,
incomplete, doubled, of another place, used before."""

import itertools
import json
import re
import threading

import pytest

from lib import settings, wait
from lib.daemon import config
from lib.digest import HASHES, challenges, credentials
from lib.endpoint import UdpPeer
from lib.message import unique

FIRST, SECOND = "biloxi.com", "chicago.com"
WORDS = {FIRST: {"alice": "wonderland", "bob": "builder"},
         SECOND: {"alice": "windy"}}
TWO = [("MD5", "SHA-256"), ("SHA-256", "MD5")]


class Realms:
    """Two domains with users of their own on four workers."""

    def __init__(self, start_daemon, addresses, directory, peers, **sections):
        self.address = (addresses.take(), 5060)
        self.phone = peers.udp()
        domains = {}
        for name, words in WORDS.items():
            users = directory / (name + ".yaml")
            users.write_text(json.dumps({"users": {
                user: {"password": word} for user, word in words.items()}}))
            domains[name] = {"users_file": str(users)}
        self.daemon = start_daemon(config(
            self.address[0], FIRST, server={"workers": 4, "drain": "1s"},
            domains=domains, limits={"auth_failures": {"count": 1000000}},
            **sections))
        self.cseq = itertools.count(1)

    def register(self, *authorization, domain=FIRST, user="alice", phone=None,
                 **fields):
        """The answer to a query with these values of Authorization."""
        me = "<sip:%s@%s>" % (user, domain)
        phone = phone or self.phone
        request = phone.request(
            "REGISTER", "sip:" + domain, from_=me + ";tag=u", to=me,
            cseq=next(self.cseq), call_id=unique("digest"),
            extra=[("Authorization", a) for a in authorization],
            **fields).replace("Contact", None)
        phone.send(request, self.address)
        return phone.expect_response(request)

    def challenge(self, domain=FIRST, algorithm="SHA-256"):
        return challenges(self.register(domain=domain))[algorithm]

    def good(self, domain=FIRST, user="alice", **options):
        challenge = options.pop("challenge", None) or self.challenge(domain)
        return credentials(challenge, user, WORDS[domain][user], "REGISTER",
                           "sip:" + domain, **options)


@pytest.fixture
def realms(start_daemon, addresses, tmp_path, peers):
    return Realms(start_daemon, addresses, tmp_path, peers)


def pairs(value):
    return re.findall(r'(\w+)=("[^"]*"|[^,]*)', value)


def without(value, name):
    return "Digest " + ", ".join("%s=%s" % p for p in pairs(value) if p[0] != name)


def changed(value, name, new):
    return "Digest " + ", ".join(
        "%s=%s" % (n, new if n == name else v) for n, v in pairs(value))


NAMES = ["username", "realm", "nonce", "uri", "response", "algorithm", "qop",
         "nc", "cnonce"]


def test_without_any_one_parameter_they_are_good_for_nothing(realms):
    for name in NAMES:
        answer = realms.register(without(realms.good(), name))
        assert answer.status in (400, 401), (name, answer)
    assert realms.register(realms.good()).status == 200


def test_with_any_one_parameter_doubled_they_are_good_for_nothing(realms):
    for name in NAMES:
        good = realms.good()
        value = dict(pairs(good))[name]
        for twice in (good + ", %s=%s" % (name, value),
                      good.replace("Digest ", "Digest %s=%s, " % (name.upper(), value)),
                      good + ", %s=x" % name):
            assert realms.register(twice).status in (400, 401), (name, twice)


@pytest.mark.parametrize("made_up", ["x", "A" * 32])
def test_22_3_of_several_for_one_realm_the_one_with_our_nonce_counts(realms,
                                                                     made_up):
    challenge = realms.challenge()
    other = realms.good(challenge={**challenge, "nonce": made_up})
    good = realms.good(challenge=challenge)
    assert realms.register(other, good).status == 200
    good = realms.good()
    assert realms.register(good, other).status == 200


def test_rfc8760_2_7_who_was_not_challenged_yet_is(realms):
    answer = realms.register('Digest username="alice", realm="biloxi.com", '
                             'nonce="", uri="sip:biloxi.com", response=""')
    assert answer.status == 401
    assert not any("stale" in c for c in challenges(answer).values())


@pytest.mark.parametrize("name, values", [
    ("username", ['"ALICE"', '"alice "', '"alice@biloxi.com"', '""', '"bob"',
                  '"sip:alice@biloxi.com"', '"al\\ice"', '"alice\\\\"']),
    ("realm", ['"BILOXI.COM"', '"biloxi.com."', '""', '"chicago.com"', "*"]),
    ("uri", ['"sip:chicago.com"', '"sip:alice@biloxi.com"', '"*"', '""', '"/"',
             '"sips:biloxi.com"', '"sip:biloxi.com;transport=tcp"']),
    ("response", ['"%s"' % ("0" * 64), '"%s"' % ("f" * 32), '""', '"g"',
                  '"%s"' % ("0" * 65), '"%s"' % ("0" * 4000)]),
    ("algorithm", ["MD5", "SHA-256-sess", "MD5-sess", "SHA-512-256", "sha", '""',
                   "SHA-2560"]),
    ("qop", ["auth-int", "auth-conf", '""', "none", '"auth,auth-int"']),
    ("nc", ["00000000", "0", "-1", "0000000g", "100000000", '"', "",
            "00000002"]),
    ("cnonce", ['""', '"other"', '"%s"' % ("c" * 3000)]),
    ("nonce", ['""', '"x"', '"%s"' % ("A" * 32), '"%s"' % ("A" * 3000)])])
def test_no_other_value_is_good(realms, name, values):
    for value in values:
        answer = realms.register(changed(realms.good(), name, value))
        assert answer.status in (400, 401), (name, value, answer)


def test_what_has_no_meaning_does_not_count(realms):
    good = realms.good
    for make in (lambda: good() + ', opaque="x", new=y',
                 lambda: good().replace("Digest", "dIGEST"),
                 lambda: good().replace(", ", " ,\t"),
                 lambda: good().replace("Digest ", "Digest ,,"),
                 lambda: changed(good(), "algorithm", '"SHA-256"'),
                 lambda: changed(good(), "qop", '"auth"'),
                 lambda: re.sub(r'response="(\w+)"',
                                lambda m: m.group().replace(
                                    m.group(1), m.group(1).upper()), good())):
        assert realms.register(make()).status == 200


# ---- nonces ----


def test_a_nonce_with_any_character_changed_is_stale(realms):
    challenge = realms.challenge()
    nonce = challenge["nonce"]
    for i in range(len(nonce)):
        other = "B" if nonce[i] == "A" else "A"
        bad = {**challenge, "nonce": nonce[:i] + other + nonce[i + 1:]}
        answer = realms.register(realms.good(challenge=bad))
        assert challenges(answer)["SHA-256"]["stale"] == "true", i
    for n in (*range(len(nonce)), ):
        bad = {**challenge, "nonce": nonce[:n]}
        assert realms.register(realms.good(challenge=bad)).status in (400, 401)
    assert realms.register(realms.good(challenge=challenge)).status == 200


def test_a_nonce_grows_old(start_daemon, addresses, tmp_path, peers):
    realms = Realms(start_daemon, addresses, tmp_path, peers,
                    auth={"nonce_lifetime": "1s"})
    challenge, count = realms.challenge(), itertools.count(1)

    def answer():
        return realms.register(realms.good(challenge=challenge, nc=next(count)))
    assert answer().status == 200
    wait.until(lambda: "stale=true" in str(answer()), settings.patience(5),
               "the end of the nonce")
    assert realms.register(realms.good()).status == 200


def test_a_nonce_is_good_in_its_realm_alone(realms):
    foreign = {**realms.challenge(SECOND), "realm": FIRST}
    answer = realms.register(realms.good(challenge=foreign))
    assert challenges(answer)["SHA-256"]["stale"] == "true"


def test_a_nonce_does_not_outlive_the_process(realms):
    challenge = realms.challenge()
    realms.daemon.stop()
    realms.daemon.log_file.write_text("")
    realms.daemon.start()
    answer = realms.register(realms.good(challenge=challenge))
    assert challenges(answer)["SHA-256"]["stale"] == "true"


def test_rfc7616_3_4_of_many_copies_at_once_one_is_accepted(realms, addresses):
    """Each with a Call-ID of its own, so on every worker."""
    phones = [UdpPeer(realms.phone.address[0], 6000 + i) for i in range(8)]
    for _ in range(10):
        good, found = realms.good(), []

        def replay(phone):
            for _ in range(8):
                found.append(realms.register(good, phone=phone).status)
        threads = [threading.Thread(target=replay, args=(p,)) for p in phones]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(found) == [200] + 63 * [401]
    for phone in phones:
        phone.close()


def test_counts_may_overtake_each_other_and_each_counts_once(realms):
    challenge = realms.challenge()

    def status(nc):
        return realms.register(realms.good(challenge=challenge, nc=nc)).status
    assert [status(n) for n in (3, 1, 5, 2, 4)] == 5 * [200]
    assert [status(n) for n in (1, 2, 3, 4, 5)] == 5 * [401]
    assert status(0xffffffff) == 200 and status(6) == 401


# ---- what they are bound to ----


def test_22_4_credentials_of_one_method_are_no_good_for_another(realms):
    uri = "sip:bob@" + FIRST
    request = realms.phone.request("OPTIONS", uri,
                                   from_="<sip:alice@%s>;tag=1" % FIRST)
    realms.phone.send(request, realms.address)
    challenge = challenges(realms.phone.expect_response(request, 407))["SHA-256"]
    for method in ("INVITE", "options", "REGISTER", ""):
        value = credentials(challenge, "alice", "wonderland", method, uri)
        again = realms.phone.request(
            "OPTIONS", uri, from_=request.get("From"), cseq=next(realms.cseq) + 1,
            extra=[("Proxy-Authorization", value)])
        realms.phone.send(again, realms.address)
        realms.phone.expect_response(again, 407)


def test_22_3_of_several_realms_each_gets_its_own(realms):
    foreign = realms.good().replace('realm="%s"' % FIRST, 'realm="elsewhere"')
    for domain in WORDS:
        shown = [foreign] + [realms.good(d) for d in WORDS]
        assert realms.register(*shown, domain=domain).status == 200
        assert realms.register(*reversed(shown), domain=domain).status == 401, \
            "its count was used"
    # those of the other realm do not help
    assert realms.register(realms.good(SECOND)).status == 401


@pytest.mark.parametrize("names", TWO)
def test_rfc8760_2_4_either_of_two_algorithms_will_do(realms, names):
    shown = [realms.good(challenge=challenges(realms.register())[n])
             for n in names]
    assert realms.register(*shown).status == 200


def test_a_query_needs_a_password_as_a_change_does(realms):
    assert realms.register().status == 401


# ---- nothing tells who is a user ----


def blotted(answer):
    """Without what differs from answer to answer anyhow."""
    return re.sub(r'nonce="[^"]*"|;tag=vd\w+|branch=[^;]*|Call-ID: .*|CSeq: .*', "",
                  repr(answer))


@pytest.mark.parametrize("algorithm", HASHES)
def test_known_unknown_and_disabled_users_are_answered_alike(
        start_daemon, addresses, tmp_path, peers, algorithm):
    realms = Realms(start_daemon, addresses, tmp_path, peers)
    md5 = HASHES["MD5"](b"old:biloxi.com:x").hexdigest()
    (tmp_path / (FIRST + ".yaml")).write_text(json.dumps({"users": {
        "alice": {"password": "wonderland", "aliases": ["+1555"]},
        "gone": {"password": "x", "disabled": True},
        "old": {"ha1_md5": md5}}}))
    realms.daemon.reload(realms.daemon.conf)
    assert realms.daemon.has_logged("conf.warning .*SHA-256 users_without=1")
    seen = set()
    for user, word in (("alice", "wrong"), ("nobody", "wrong"), ("gone", "x"),
                       ("+1555", "wonderland"), ("old", "wrong")):
        challenge = {**realms.challenge(algorithm="MD5"), "algorithm": algorithm}
        value = credentials(challenge, user, word, "REGISTER", "sip:" + FIRST)
        answer = realms.register(value)
        assert answer.status == 401
        seen.add(blotted(answer))
        assert [c.get("algorithm") for c in challenges(answer).values()] == ["MD5"]
    assert len(seen) == 1, seen
    # and the one with the old hash alone can log in
    assert realms.register(credentials(
        realms.challenge(algorithm="MD5"), "old", "x", "REGISTER",
        "sip:" + FIRST), user="old").status == 200

"""Who may register and call out: digest over the wire (RFC 3261 22, RFC 7616,
RFC 8760), and what the rules make of it."""

import itertools
import json
import re

import pytest

from lib.daemon import config, route
from lib.digest import HASHES, challenges, credentials
from lib.message import build_ack

REALM = "biloxi.com"


class Domain:
    """A domain with two users, and a far host in another one."""

    def __init__(self, start_daemon, addresses, directory, peers):
        self.ip = addresses.take()
        self.address = (self.ip, 5060)
        self.users = directory / "users.yaml"
        self.set_password("alice", "wonderland")
        self.phone, self.far, self.bob = peers.udp(), peers.udp(), peers.udp()
        self.daemon = start_daemon(config(
            self.ip, REALM,
            domains={REALM: {"users_file": str(self.users)}},
            routes=[route("bob", "sip:bob@" + self.bob.hostport)]))

    def set_password(self, user, password):
        self.users.write_text(json.dumps({"users": {
            user: {"password": password, "aliases": ["+15551000"]},
            "mallory": {"password": "evil"}}}))

    def ask(self, method, uri, user="alice", status=None, cseq=1, extra=(),
            **fields):
        fields.setdefault("from_", "<sip:%s@%s>;tag=u" % (user, REALM))
        request = self.phone.request(method, uri, cseq=cseq, extra=list(extra),
                                     **fields)
        self.phone.send(request, self.address)
        return request, self.phone.expect_response(request, status)

    def register(self, user="alice", status=None, **fields):
        return self.ask("REGISTER", "sip:" + REALM, user, status,
                        to="<sip:%s@%s>" % (user, REALM), **fields)[1]

    def log_in(self, password, user="alice", algorithm="SHA-256", status=200,
               nc=1, challenge=None):
        challenge = challenge or challenges(
            self.register(user, 401))[algorithm]
        value = credentials(challenge, user, password, "REGISTER",
                            "sip:" + REALM, nc)
        return self.register(user, status, cseq=next(CSEQ),
                             extra=[("Authorization", value)])


CSEQ = itertools.count(2)


@pytest.fixture
def domain(start_daemon, addresses, tmp_path, peers):
    return Domain(start_daemon, addresses, tmp_path, peers)


# ---- the challenge ----


def test_22_2_register_is_answered_401_with_each_algorithm_in_order(domain):
    answer = domain.register(status=401)
    offered = challenges(answer)
    assert list(offered) == ["SHA-256", "MD5"]
    for challenge in offered.values():
        assert challenge["realm"] == REALM
        assert challenge["qop"] == "auth"
    domain.daemon.stop()


@pytest.mark.parametrize("algorithm", HASHES)
def test_the_right_password_registers(domain, algorithm):
    answer = domain.log_in("wonderland", algorithm=algorithm)
    assert domain.phone.hostport in answer.get("Contact")


@pytest.mark.parametrize("user, password", [
    ("alice", "wrong"), ("nobody", "wonderland")])
def test_a_wrong_password_and_an_unknown_user_are_answered_alike(
        domain, user, password):
    answer = domain.log_in(password, user=user, status=401)
    assert list(challenges(answer)) == ["SHA-256", "MD5"]
    assert "stale=true" not in str(answer)


def test_rfc7616_3_4_a_nonce_count_counts_once(domain):
    challenge = challenges(domain.register(status=401))["SHA-256"]
    domain.log_in("wonderland", challenge=challenge, nc=1)
    domain.log_in("wonderland", challenge=challenge, nc=2)
    again = domain.log_in("wonderland", challenge=challenge, nc=2, status=401)
    assert challenges(again)["SHA-256"]["stale"] == "true"


def test_10_3_step_4_nobody_registers_another_user(domain):
    challenge = challenges(domain.register(status=401))["SHA-256"]
    value = credentials(challenge, "mallory", "evil", "REGISTER",
                        "sip:" + REALM)
    domain.register("alice", 403, cseq=2, extra=[("Authorization", value)])


# ---- calling out ----


def test_22_3_who_calls_out_as_one_of_ours_is_asked(domain):
    far_uri = "sip:carol@" + domain.far.hostport
    request, answer = domain.ask("INVITE", far_uri, status=407)
    domain.phone.send(build_ack(request, answer), domain.address)
    domain.far.expect_nothing(seconds=0.2)
    value = credentials(challenges(answer)["SHA-256"], "alice", "wonderland",
                        "INVITE", far_uri)
    again = domain.phone.request(
        "INVITE", far_uri, cseq=2, from_=request.get("From"),
        call_id=request.call_id, extra=[("Proxy-Authorization", value)])
    domain.phone.send(again, domain.address)
    got = domain.far.expect_request("INVITE")
    assert not got.lines("Proxy-Authorization")
    domain.far.reply(got, 200, to=domain.address)
    domain.phone.expect_response(again, 200)


def test_22_3_credentials_for_another_realm_go_on(domain):
    uri = "sip:bob@" + REALM
    foreign = 'Digest username="x", realm="elsewhere", nonce="n", uri="u", ' \
              'response="00"'
    request = domain.phone.request("OPTIONS", uri,
                                   extra=[("Proxy-Authorization", foreign)])
    domain.phone.send(request, domain.address)
    got = domain.bob.expect_request("OPTIONS")
    assert got.lines("Proxy-Authorization") == [foreign]


def test_who_calls_in_from_elsewhere_is_not_asked(domain):
    request = domain.phone.request("OPTIONS", "sip:bob@" + REALM)
    domain.phone.send(request, domain.address)
    domain.bob.expect_request("OPTIONS")


def test_a_stranger_relays_nothing_whatever_he_calls_himself(domain):
    domain.ask("OPTIONS", "sip:carol@" + domain.far.hostport, status=403,
               from_="<sip:eve@elsewhere.example>;tag=e")
    domain.far.expect_nothing(seconds=0.2)


@pytest.mark.parametrize("from_user, status", [
    ("+15551000", None), ("mallory", 403)])
def test_from_is_the_user_or_an_alias(domain, from_user, status):
    uri = "sip:carol@" + domain.far.hostport
    _, answer = domain.ask("OPTIONS", uri, status=407)
    value = credentials(challenges(answer)["SHA-256"], "alice", "wonderland",
                        "OPTIONS", uri)
    request = domain.phone.request(
        "OPTIONS", uri, cseq=2, from_="<sip:%s@%s>;tag=f" % (from_user, REALM),
        extra=[("Proxy-Authorization", value)])
    domain.phone.send(request, domain.address)
    if status is None:
        domain.far.expect_request("OPTIONS", request.call_id)
    else:
        domain.phone.expect_response(request, status)


# ---- users file ----


def test_10_3_step_5_a_name_that_a_uri_must_escape_is_a_user(domain):
    domain.set_password("room #7", "wonderland")
    domain.daemon.reload(domain.daemon.conf)
    challenge = challenges(domain.register("room%20%237", 401))["SHA-256"]
    value = credentials(challenge, "room #7", "wonderland", "REGISTER",
                        "sip:" + REALM)
    domain.register("room%20%237", 200, cseq=next(CSEQ),
                    extra=[("Authorization", value)])


def test_a_reload_reads_the_users_again(domain):
    domain.log_in("wonderland")
    domain.set_password("alice", "looking-glass")
    domain.daemon.reload(domain.daemon.conf)
    domain.log_in("wonderland", status=401)
    domain.log_in("looking-glass")


def test_no_password_is_ever_logged(domain):
    conf = {**domain.daemon.conf, "trace": {"level": "full"}}
    domain.daemon.reload(conf)
    challenge = challenges(domain.register(status=401))["SHA-256"]
    value = credentials(challenge, "alice", "wonderland", "REGISTER",
                        "sip:" + REALM)
    domain.register(status=200, cseq=next(CSEQ),
                    extra=[("Authorization", value)])
    domain.daemon.stop()
    log = domain.daemon.log()
    assert "REGISTER sip:biloxi.com" in log
    assert "wonderland" not in log
    assert re.search(r'response="([0-9a-f]+)"', value).group(1) not in log

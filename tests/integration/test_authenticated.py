"""Two domains with users, their proxies and a name server: SIPp registers with a
password and calls from one to the other, both ways (RFC 3261 22)."""

import json

import pytest

from lib import nsd, settings
from lib.daemon import config
from lib.sipp import Sipp, call

CALLS = 50
WORDS = {"atlanta.com": "wonderland", "biloxi.com": "builder"}
TRANSPORTS = ("udp", "tcp")


class Domains:
    def __init__(self, directory, addresses, start_daemon, start_nsd):
        self.dir, self.addresses = directory, addresses
        self.proxies = {name: addresses.take() for name in WORDS}
        names = start_nsd({name: nsd.sip_domain(ip)
                           for name, ip in self.proxies.items()})
        for name, word in WORDS.items():
            users = directory / (name + ".yaml")
            users.write_text(json.dumps({"users": {"user": {"password": word}}}))
            start_daemon(config(
                self.proxies[name], name,
                domains={name: {"users_file": str(users)}},
                auth={"algorithms": ["MD5"]},  # all that SIPp can
                resolver={"servers": [names.hostport]}), name=name)

    def sipp(self, scenario, domain, ip, calls, transport, **keys):
        asked = keys.get("target", "sip:" + domain)
        return Sipp(self.dir, scenario, ip, calls, transport,
                    to=(self.proxies[domain], 5060),
                    login=("user", WORDS[domain], asked[len("sip:"):]),
                    keys={"me": "sip:user@" + domain, "domain": domain, **keys})

    def register(self, domain, transport):
        """Returns the address of the phone that did."""
        ip = self.addresses.take()
        phone = self.sipp(
            "register", domain, ip, 1, transport,
            binding="sip:user@%s:5060;transport=%s" % (ip, transport))
        try:
            phone.start().finish()
        finally:
            phone.stop()
        return ip


@pytest.fixture
def domains(tmp_path, addresses, start_daemon, start_nsd):
    return Domains(tmp_path, addresses, start_daemon, start_nsd)


@pytest.mark.parametrize("hers, his", [
    ("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")])
@pytest.mark.parametrize("caller, callee", [
    ("atlanta.com", "biloxi.com"), ("biloxi.com", "atlanta.com")])
def test_users_of_two_domains_call_each_other(domains, caller, callee, hers, his):
    phone = domains.register(callee, his)
    call(domains.sipp("user_calls", caller, domains.addresses.take(), CALLS, hers,
                      target="sip:user@" + callee),
         Sipp(domains.dir, "user_answers", phone, CALLS, his))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_users_of_one_domain_call_each_other(domains, transport):
    phone = domains.register("biloxi.com", transport)
    call(domains.sipp("user_calls", "biloxi.com", domains.addresses.take(), CALLS,
                      transport, target="sip:user@biloxi.com"),
         Sipp(domains.dir, "user_answers", phone, CALLS, transport))


def test_many_registrations_at_once(domains):
    """Each shows its credentials once; the user has one contact."""
    ip = domains.addresses.take()
    phone = domains.sipp("register", "biloxi.com", ip, settings.CALLS // 4, "udp",
                         binding="sip:user@%s:5060" % ip)
    try:
        phone.start().finish()
    finally:
        phone.stop()

"""biloxi.com, where the phones of these tests register."""

import json

from lib.certs import Authority
from lib.daemon import Daemon, config

DOMAIN = "biloxi.com"
PASSWORDS = {"alice": "wonderland", "bob": "builder", "carol": "singer"}


class Domain:
    """biloxi.com, whose users have passwords, on every transport."""

    def __init__(self, directory, addresses, **sections):
        self.ip, self.addresses = addresses.take(), addresses
        directory.mkdir(exist_ok=True)
        authority = Authority(directory / "ca")
        pair = authority.issue("DNS:" + DOMAIN, "IP:" + self.ip)
        self.ca = authority.path
        users = directory / "users.yaml"
        users.write_text(json.dumps({"users": {
            user: {"password": word} for user, word in PASSWORDS.items()}}))
        conf = config(self.ip, DOMAIN,
                      domains={DOMAIN: {"users_file": str(users)}},
                      tls={"own": {"certificate": str(pair.certificate),
                                   "key": str(pair.key)}}, **sections)
        conf["listen"] += [
            {"url": "tls://%s:5061" % self.ip, "tls": "own"},
            "ws://%s:8080" % self.ip,
            {"url": "wss://%s:8443" % self.ip, "tls": "own"}]
        self.daemon = Daemon(directory, conf)

    def server(self, scheme="ws"):
        return "%s://%s:%d" % (scheme, self.ip, 8080 if scheme == "ws" else 8443)

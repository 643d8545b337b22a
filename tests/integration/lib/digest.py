"""Digest authentication as a client does it (RFC 3261 22, RFC 7616)."""

import hashlib
import re

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
ANSWERED = ("WWW-Authenticate", "Proxy-Authenticate")


def challenges(response):
    """{algorithm: {parameter: value}} of a 401 or 407."""
    found = {}
    for line in response.lines(ANSWERED[response.status == 407]):
        fields = dict(re.findall(r'(\w+)=(?:")?([^",]*)', line))
        found[fields.get("algorithm", "MD5")] = fields
    return found


def credentials(challenge, user, password, method, uri, nc=1):
    algorithm = challenge.get("algorithm", "MD5")
    count = "%08x" % nc

    def digest(text):
        return HASHES[algorithm](text.encode()).hexdigest()

    response = digest(":".join([
        digest("%s:%s:%s" % (user, challenge["realm"], password)),
        challenge["nonce"], count, "cnonce", "auth",
        digest("%s:%s" % (method, uri))]))
    return (
        'Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", '
        'algorithm=%s, qop=auth, nc=%s, cnonce="cnonce"' % (
            user, challenge["realm"], challenge["nonce"], uri, response,
            algorithm, count))

"""A phone that registers as a user of biloxi.com, over a UDP or TCP peer, and
says of itself what the test wants: behind a NAT it believes to be elsewhere."""

import itertools
import re

from . import message


class Phone:
    def __init__(self, peer, proxy, user="bob", inside=None):
        """proxy: (ip, port). inside: host:port that it believes to have."""
        self.peer, self.proxy, self.user = peer, proxy, user
        self.inside = inside or peer.hostport
        self.call_id, self.cseq = message.unique("reg"), itertools.count(1)

    @property
    def uri(self):
        tcp = ";transport=tcp" if self.peer.transport == "TCP" else ""
        return "sip:%s@%s%s" % (self.user, self.inside, tcp)

    @property
    def aor(self):
        return "sip:%s@biloxi.com" % self.user

    def register(self, params="", uri=None, expires=100, extra=(), status=200,
                 contact=None):
        request = self.peer.request(
            "REGISTER", "sip:biloxi.com", to="<%s>" % self.aor,
            from_="<%s>;tag=r" % self.aor, call_id=self.call_id,
            cseq=next(self.cseq), extra=[("Expires", str(expires)), *extra],
            via=self.peer.via(self.inside, ";rport"))
        request = request.replace(
            "Contact", contact or "<%s>%s" % (uri or self.uri, params))
        self.peer.send(request, self.proxy)
        return self.peer.expect_response(request, status)

    def register_flow(self, reg_id, uuid, supported="path, outbound", **more):
        """RFC 5626."""
        return self.register(';reg-id=%d;+sip.instance="<urn:uuid:%s>"'
                             % (reg_id, uuid),
                             extra=[("Supported", supported)], **more)

    def bindings(self):
        """The URIs that are bound, by a query."""
        request = self.peer.request(
            "REGISTER", "sip:biloxi.com", to="<%s>" % self.aor,
            from_="<%s>;tag=r" % self.aor,
            via=self.peer.via(self.inside, ";rport")).replace("Contact", None)
        self.peer.send(request, self.proxy)
        return uris(self.peer.expect_response(request, 200))


def uris(ok):
    return [re.match(r"<([^>]*)>", c).group(1) for c in ok.values("Contact")]


def param(contact, name):
    """The quoted value of a parameter of a Contact value, or None."""
    found = re.search(r';%s="([^"]*)"' % re.escape(name), contact)
    return found.group(1) if found else None

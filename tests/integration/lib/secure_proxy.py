"""One proxy for biloxi.com with UDP, TCP and TLS, and certificates for it."""

from .daemon import Daemon, HasDaemon, config, route
from .endpoint import TlsPeer


class SecureProxy(HasDaemon):
    """`names` maps host names to addresses: the proxy's hosts file. Bob is
    reached over UDP, Tess over TLS under the name tess.test. The section `tls`
    has one entry, biloxi, with `entry_options`; `entries` are further ones."""

    def __init__(self, directory, addresses, authority, name="viaductd",
                 names=None, entry_options=None, entries=None,
                 listener_tls="biloxi", routes=(), **sections):
        self.ip, self.authority = addresses.take(), authority
        self.address, self.tls_address = (self.ip, 5060), (self.ip, 5061)
        self.bob_ip, self.tess_ip = addresses.take(), addresses.take()
        self.pair = authority.issue("DNS:biloxi.com", "URI:sip:biloxi.com",
                                    "IP:" + self.ip)
        self.hosts = directory / (name + ".hosts")
        self.write_hosts({"tess.test": self.tess_ip, **(names or {})})
        conf = config(self.ip, "biloxi.com", routes=[
            route("bob", "sip:bob@" + self.bob_ip),
            route("tess", "sip:tess@tess.test;transport=tls"),
            *routes],
            resolver={"hosts_file": str(self.hosts)},
            tls={"biloxi": self.entry(self.pair, **(entry_options or {})),
                 **(entries or {})},
            **{"trust": [addresses.trusted_net], **sections})
        conf["listen"].append({"url": "tls://%s:5061" % self.ip,
                               "tls": listener_tls})
        self.daemon = Daemon(directory, conf, name)

    def entry(self, pair, **options):
        return {"certificate": str(pair.certificate), "key": str(pair.key),
                "ca": str(self.authority.path), **options}

    def write_hosts(self, names):
        lines = [(ip, name) for name, ips in names.items()
                 for ip in (ips if isinstance(ips, list) else [ips])]
        self.hosts.write_text("".join("%s %s\n" % line for line in lines))

    def connect(self, ip, context=None, **options):
        """A TLS client of the proxy."""
        return TlsPeer.connect(ip, self.tls_address,
                               context or self.authority.client_context(),
                               **options)

    def assert_serves(self, peer):
        """A request from this peer is answered 200."""
        request = peer.request("OPTIONS", "sip:" + self.ip)
        peer.send(request, self.address)
        return peer.expect_response(request, 200)

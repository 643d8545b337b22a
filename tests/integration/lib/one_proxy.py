"""One proxy for biloxi.com, for tests that play every other part themselves."""

from .daemon import Daemon, HasDaemon, config, route


class OneProxy(HasDaemon):
    """`address` is where it listens. Bob, Carol and the mute one are reached over
    UDP, Tom over TCP, `both` are Bob and Tom; `loop` is routed back to the proxy,
    `bomb` twice."""

    def __init__(self, directory, addresses, name="viaductd", preexec=None,
                 websocket=False, **sections):
        self.ip = addresses.take()
        self.address = (self.ip, 5060)
        self.bob_ip, self.tom_ip = addresses.take(), addresses.take()
        self.carol_ip, self.mute_ip = addresses.take(), addresses.take()
        routes = [route("bob", "sip:bob@%s" % self.bob_ip),
                  route("carol", "sip:carol@%s" % self.carol_ip),
                  route("mute", "sip:mute@%s" % self.mute_ip),
                  route("tom", "sip:tom@%s;transport=tcp" % self.tom_ip),
                  route("both", "sip:bob@%s" % self.bob_ip,
                        "sip:tom@%s;transport=tcp" % self.tom_ip),
                  route("loop", "sip:loop@%s" % self.ip),
                  route("bomb", "sip:bomb@%s;a=1" % self.ip,
                        "sip:bomb@%s;a=2" % self.ip)]
        conf = config(self.ip, "biloxi.com", routes=routes,
                      trust=[addresses.trusted_net], **sections)
        self.ws_address = (self.ip, 8080)
        if websocket:
            conf["listen"].append("ws://%s:%d" % self.ws_address)
        self.daemon = Daemon(directory, conf, name, preexec=preexec)

    def assert_serves(self, peer, seconds=None):
        """A request from a well-behaved peer is answered 200."""
        request = peer.request("OPTIONS", "sip:" + self.ip)
        peer.send(request, self.address)
        peer.expect_response(request, 200, seconds)


def edited(request, old, new):
    """The bytes of a request with one place changed."""
    raw = bytes(request)
    assert old in raw
    return raw.replace(old, new, 1)

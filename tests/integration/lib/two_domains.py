"""The network of the main call: Alice - atlanta.com - biloxi.com - Bob."""

from . import nsd, settings
from .daemon import Daemon, config, route
from .nsd import Nsd
from .sipp import T1, Sipp, call

TRANSPORTS = ("udp", "tcp")
PARAMS = {"udp": "", "tcp": ";transport=tcp"}


class TwoDomains:
    """A name server and two running daemons that find each other through it.

    Bob has a user name for each purpose and transport, so that no test meets
    packets or connections of another one: `users` are the purposes,
    bob(purpose, transport) is the address where that Bob answers.
    """

    def __init__(self, directory, addresses, users, workers=2, zones=None):
        self.dir, self.addresses = directory, addresses
        self.atlanta_ip, self.biloxi_ip = addresses.take(), addresses.take()
        self.bobs = {(u, t): addresses.take() for u in users for t in TRANSPORTS}
        self.nsd = Nsd(directory, addresses.take(), {
            "atlanta.com": nsd.sip_domain(self.atlanta_ip),
            "biloxi.com": nsd.sip_domain(self.biloxi_ip),
            **(zones or {}),
        })
        common = {"server": {"workers": workers, "drain": "1s"},
                  "timers": {"t1": T1},
                  "resolver": {"servers": [self.nsd.hostport]}}
        self.atlanta = Daemon(directory, config(
            self.atlanta_ip, "atlanta.com", trust=[addresses.trusted_net],
            **common), "atlanta")
        self.biloxi = Daemon(directory, config(
            self.biloxi_ip, "biloxi.com", routes=self._routes(), **common),
            "biloxi")

    def _routes(self):
        return [route("%s-%s" % (user, transport),
                      "sip:bob@%s:5060%s" % (ip, PARAMS[transport]))
                for (user, transport), ip in self.bobs.items()]

    def __enter__(self):
        try:
            self.nsd.start()
            self.atlanta.start()
            self.biloxi.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.atlanta.stop()
            self.biloxi.stop()
        finally:
            self.kill()

    def kill(self):
        self.atlanta.kill()
        self.biloxi.kill()
        self.nsd.stop()

    # ---- calling ----

    def bob(self, user, transport):
        return self.bobs[user, transport]

    def target(self, user, transport):
        """The URI that Alice calls."""
        return "sip:%s-%s@biloxi.com%s" % (user, transport, PARAMS[transport])

    @property
    def outbound_proxy(self):
        return (self.atlanta_ip, 5060)

    def call(self, caller, callee, user, transport, calls, rate=None,
             meanwhile=lambda: None):
        """SIPp calls `user` with these two scenarios; all calls must succeed
        without a repeated message. meanwhile() runs once they have begun."""
        bob = Sipp(self.dir, callee, self.bob(user, transport), calls, transport,
                   rate=rate)
        alice = Sipp(self.dir, caller, self.addresses.take_trusted(), calls,
                     transport, to=self.outbound_proxy, rate=rate,
                     keys={"target": self.target(user, transport)})
        call(alice, bob, meanwhile)


def main_call(network, user, transport, calls=None):
    """The call that everything is about, at the full rate."""
    network.call("alice", "bob", user, transport, calls or settings.CALLS)

"""A network behind network address translation, made of namespaces: `inside` is
where phones are (10.9.0.0/24), `outside` where the proxy and everybody else is
(198.51.100.0/24); a router between them masquerades (nftables).

Sockets stay in the namespace in which they were made, so peers are made with
`with network.inside:` and used as anywhere else."""

import ctypes
import os
import subprocess

INSIDE_NET, OUTSIDE_NET = "10.9.0", "198.51.100"
ROUTER_OUTSIDE = OUTSIDE_NET + ".1"
CLONE_NEWNET = 0x40000000

# What comes from the inside leaves under the router's address, on a port that
# is not the phone's own; nothing else gets in.
RULES = """
table ip nat {
    chain post {
        type nat hook postrouting priority 100;
        oifname "out" udp sport 1-65535 masquerade to :20000-40000 random
        oifname "out" tcp sport 1-65535 masquerade to :20000-40000 random
        oifname "out" masquerade
    }
}
"""

libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)
    finally:
        os.close(fd)


class Namespace:
    """`with` runs its body inside; enter() is for a child before its exec."""

    def __init__(self, name):
        self.name, self.path = name, "/run/netns/" + name
        self.home = None

    def run(self, *command, text=None):
        subprocess.run(["ip", "netns", "exec", self.name, *command], input=text,
                       text=True, check=True, stdout=subprocess.DEVNULL)

    def ip(self, *args):
        subprocess.run(["ip", "-n", self.name, *args], check=True)

    def sysctl(self, key, value):
        self.run("sysctl", "-q", "-w", "%s=%s" % (key, value))

    def enter(self):
        enter(self.path)

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter()
        return self

    def __exit__(self, *_):
        libc.setns(self.home, CLONE_NEWNET)
        os.close(self.home)


class NatNetwork:
    """`addresses` inside and outside are given out by inside_ip() and
    outside_ip()."""

    def __init__(self):
        base = "viaduct%d-" % os.getpid()
        self.inside, self.router, self.outside = self.all = [
            Namespace(base + name) for name in ("inside", "router", "outside")]
        self.numbers = {INSIDE_NET: 1, OUTSIDE_NET: 1}

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _build(self):
        for ns in self.all:
            subprocess.run(["ip", "netns", "add", ns.name], check=True)
            ns.ip("link", "set", "lo", "up")
        self._join(self.inside, "in", INSIDE_NET)
        self._join(self.outside, "out", OUTSIDE_NET)
        self.inside.ip("route", "add", "default", "via", INSIDE_NET + ".1",
                       "dev", "eth0", "onlink")
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.router.run("nft", "-f", "-", text=RULES)

    def _join(self, ns, link, net):
        """A link called `link` at the router, eth0 in the namespace."""
        self.router.ip("link", "add", link, "type", "veth", "peer", "name",
                       "eth0", "netns", ns.name)
        self.router.ip("addr", "add", net + ".1/24", "dev", link)
        self.router.ip("link", "set", link, "up")
        ns.ip("link", "set", "eth0", "up")

    def close(self):
        for ns in self.all:
            subprocess.run(["ip", "netns", "del", ns.name],
                           stderr=subprocess.DEVNULL)

    def _take(self, ns, net):
        self.numbers[net] += 1
        ip = "%s.%d" % (net, self.numbers[net])
        ns.ip("addr", "add", ip + "/24", "dev", "eth0")
        return ip

    def inside_ip(self):
        return self._take(self.inside, INSIDE_NET)

    def outside_ip(self):
        return self._take(self.outside, OUTSIDE_NET)

    def forget_udp_after(self, seconds):
        """How long the router remembers a UDP mapping without traffic."""
        for key in ("udp_timeout", "udp_timeout_stream"):
            self.router.sysctl("net.netfilter.nf_conntrack_" + key, seconds)

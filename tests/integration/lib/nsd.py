"""A real authoritative name server: NSD in the foreground, on a port that needs
no privilege, with no control socket."""

import socket
import struct
import subprocess

from . import settings, wait

PORT = 5353
A, NAPTR, SRV = 1, 35, 33

SERVER = """\
server:
    ip-address: {ip}@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{dir}"
    database: ""
    pidfile: ""
    zonelistfile: "{dir}/zone.list"
    xfrdfile: "{dir}/xfrd.state"
    xfrdir: "{dir}"
remote-control:
    control-enable: no
"""
ZONE = """\
zone:
    name: "{name}"
    zonefile: "{name}.zone"
"""
SOA = """\
$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 5
@ IN NS ns
ns IN A {ip}
"""


def sip_domain(host_ip):
    """Records of a domain with one proxy: NAPTR prefers UDP, SRV names the
    host (RFC 3263 section 4.1)."""
    return [
        '@ IN NAPTR 10 50 "s" "SIP+D2U" "" _sip._udp',
        '@ IN NAPTR 20 50 "s" "SIP+D2T" "" _sip._tcp',
        "_sip._udp IN SRV 10 1 5060 proxy",
        "_sip._tcp IN SRV 10 1 5060 proxy",
        "proxy IN A " + host_ip,
    ]


def two_targets(first_ip, second_ip):
    """Records of a domain whose first proxy is to be tried before the second."""
    return [
        "_sip._udp IN SRV 10 1 5060 first",
        "_sip._udp IN SRV 20 1 5060 second",
        "_sip._tcp IN SRV 10 1 5060 first",
        "_sip._tcp IN SRV 20 1 5060 second",
        "first IN A " + first_ip,
        "second IN A " + second_ip,
    ]


class Nsd:
    """zones: {"biloxi.com": [line of the zone file, ...], ...}"""

    def __init__(self, directory, ip, zones):
        self.dir = directory / "nsd"
        self.dir.mkdir()
        self.address = (ip, PORT)
        self.first_zone = next(iter(zones))
        text = SERVER.format(ip=ip, port=PORT, dir=self.dir)
        for name, records in zones.items():
            text += ZONE.format(name=name)
            zone = SOA.format(ip=ip) + "\n".join(records) + "\n"
            (self.dir / (name + ".zone")).write_text(zone)
        (self.dir / "nsd.conf").write_text(text)
        self.process = None

    @property
    def hostport(self):
        return "%s:%d" % self.address

    def start(self):
        with open(self.dir / "nsd.log", "ab") as log:
            self.process = subprocess.Popen(
                ["nsd", "-d", "-c", str(self.dir / "nsd.conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait.until(lambda: query(self.address, self.first_zone, 6),
                   settings.patience(5), "an answer of NSD")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(5)


def query(server, name, qtype, seconds=0.2):
    """Ask for one record type: the number of answers, None without an answer
    (or with an error code)."""
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    packet = struct.pack(">HHHHHH", 0x8282, 0, 1, 0, 0, 0)
    packet += labels + b"\0" + struct.pack(">HH", qtype, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(seconds)
        try:
            sock.connect(server)
            sock.send(packet)
            reply = sock.recv(4096)
        except (socket.timeout, ConnectionError):
            return None
    _, flags, _, answers, _, _ = struct.unpack(">HHHHHH", reply[:12])
    return None if flags & 15 else answers

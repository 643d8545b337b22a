"""Asking the daemon's HTTP: bytes over a socket, so that nothing is polite."""

import re
import socket

from . import settings

SAMPLE = re.compile(r"(?m)^(\w+)(?:\{(.*?)\})? (\S+)$")


def connect(to):
    """to: an (ip, port) pair, or the path of a Unix socket."""
    if isinstance(to, (str, bytes)):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(settings.patience(5))
    sock.connect(to)
    return sock


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        start, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(start.split()[1]) if start else None
        self.fields = {n.lower(): v.strip() for n, _, v in
                       (f.partition(":") for f in fields)}
        self.text = self.body.decode()


def read_all(sock):
    raw = b""
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            return raw
        raw += data


def ask(to, path="/metrics", method="GET", host=None, extra="", body=b""):
    """One request, and all that comes until the other side closes."""
    if host is None:
        host = "localhost" if isinstance(to, (str, bytes)) else (
            "[%s]:%d" if ":" in to[0] else "%s:%d") % to
    with connect(to) as sock:
        sock.sendall(("%s %s HTTP/1.1\r\n%s%s\r\n" % (
            method, path, "Host: %s\r\n" % host if host else "", extra)
        ).encode() + body)
        return Answer(read_all(sock))


class Metrics:
    """value("requests_total", method="INVITE"): a sample, or the sum of those
    whose labels include these."""

    def __init__(self, text):
        self.samples = [
            (name, dict(re.findall(r'(\w+)="([^"]*)"', labels or "")), float(v))
            for name, labels, v in SAMPLE.findall(text)]

    def value(self, metric, **labels):
        found = [v for name, have, v in self.samples
                 if name == "viaduct_" + metric and labels.items() <= have.items()]
        assert found, "no sample of %s %s" % (metric, labels)
        return sum(found)

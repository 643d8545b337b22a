"""A certificate authority for one test run, made with openssl(1)."""

import itertools
import pathlib
import ssl
import subprocess
from collections import namedtuple

Pair = namedtuple("Pair", "certificate key")  # paths of PEM files

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr


class Authority:
    """`path` is its own certificate; what it issues lies beside it."""

    serials = itertools.count(1)

    def __init__(self, directory, name="Test CA"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = self.directory / "ca.pem"
        self.key = self.directory / "ca.key"
        openssl("req", "-x509", *EC, "-days", 30, "-subj", "/CN=" + name,
                "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=keyCertSign,cRLSign",
                "-keyout", self.key, "-out", self.path)

    def issue(self, *names, cn="test", days=30, usage=None):
        """A certificate with these subjectAltNames: "DNS:biloxi.com",
        "URI:sip:biloxi.com", "IP:127.0.0.1". days=-1 has expired already;
        usage is its extendedKeyUsage."""
        stem = self.directory / ("%d" % next(self.serials))
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        pair = Pair(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        lines = ["basicConstraints=CA:FALSE"]
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        if usage:
            lines.append("extendedKeyUsage=" + usage)
        extensions.write_text("\n".join(lines) + "\n")
        openssl("req", *EC, "-subj", "/CN=" + cn, "-keyout", pair.key,
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey",
                self.key, "-set_serial", stem.name, "-days", days,
                "-extfile", extensions, "-out", pair.certificate)
        return pair

    def server_context(self, pair, client=ssl.CERT_NONE):
        """For a server of the tests' own; `client` as verify_mode."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.load_verify_locations(self.path)
        context.verify_mode = client
        return context

    def client_context(self, pair=None):
        """For a client that believes this authority; the name is checked when
        it is given to wrap_socket()."""
        context = ssl.create_default_context(cafile=self.path)
        context.check_hostname = False
        if pair:
            context.load_cert_chain(pair.certificate, pair.key)
        return context

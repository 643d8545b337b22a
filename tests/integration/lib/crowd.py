"""tests/integration/tools/crowd: connections that are in the way."""

import os
import subprocess

from . import settings

PROGRAM = os.path.join(os.path.dirname(settings.VIADUCTD),
                       "tests/integration/tools/crowd")

COME_S = 300  # a guard: 10,000 handshakes are a minute's work for a busy machine


class Crowd:
    """`with Crowd(to, from_ip, count, point, tls=..., ws=...)`: inside, all of
    them have come to their point (see crowd.c)."""

    def __init__(self, to, from_ip, count, point, tls=False, ws=False):
        self.command = [PROGRAM, "--to", "%s:%d" % to, "--from", from_ip,
                        "--count", str(count), "--seconds", str(COME_S)]
        self.command += ["--tls"] * tls + ["--ws"] * ws + [point]
        self.count = count

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.n_ready = self._number("ready")
        return self

    def _number(self, key):
        line = self.process.stdout.readline()
        assert line.startswith(key + "="), "crowd said: %r" % line
        return int(line.split("=")[1])

    def n_closed(self):
        self.process.stdin.write("closed?\n")
        self.process.stdin.flush()
        return self._number("closed")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(settings.patience(10))

"""SIPp as caller or callee, and its figures."""

import csv
import subprocess

from . import settings, wait

SCENARIOS = settings.DATA / "sipp"
# A machine that is busy for a moment loses no message, and nobody takes one for
# lost, so that whatever is sent twice is a mistake. T1 as in the scenarios.
T1 = "2s"
BUFFER = 4 << 20  # bytes; SIPp's own 64 KiB are full after 50 ms
FLAG = {"udp": "u1", "tcp": "t1"}
FAMILY_FILE = {"udp": "/proc/net/udp", "tcp": "/proc/net/tcp"}


class Sipp:
    """One SIPp. With `to` (an (ip, port) pair) it calls, without it answers.

    scenario  name of a file in tests/data/sipp, without .xml
    calls     it ends after so many
    keys      values for [name] in the scenario
    login     (user, password, Request-URI without sip:) for [authentication]
    """

    def __init__(self, directory, scenario, ip, calls, transport="udp",
                 to=None, rate=None, keys=None, login=None):
        self.dir = directory / ("%s-%s" % (scenario, ip))
        self.dir.mkdir()
        self.ip, self.calls, self.transport = ip, calls, transport
        self.seconds = settings.patience(20) + calls / (rate or settings.RATE)
        self.argv = [
            "sipp", "-sf", str(SCENARIOS / (scenario + ".xml")),
            "-i", ip, "-p", "5060", "-t", FLAG[transport], "-m", str(calls),
            "-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1",
            "-trace_counts", "-trace_err", "-error_file", "errors.log",
            "-timeout", "%ds" % self.seconds, "-timeout_error",
            "-buff_size", str(BUFFER),
            "-cid_str", "%u-%p-" + scenario + "@%s",
        ]
        for key, value in (keys or {}).items():
            self.argv += ["-key", key, value]
        if login:
            self.argv += ["-au", login[0], "-ap", login[1], "-auth_uri", login[2]]
        if to:
            self.argv += ["-r", str(rate or settings.RATE), "%s:%d" % to]
        self.listens = to is None

    def start(self):
        with open(self.dir / "screen.log", "wb") as screen:
            self.process = subprocess.Popen(
                self.argv, cwd=self.dir, stdin=subprocess.DEVNULL,
                stdout=screen, stderr=subprocess.STDOUT)
        if self.listens:
            wait.until(self._is_bound, settings.patience(5), "SIPp's socket")
        return self

    def _is_bound(self):
        assert self.process.poll() is None, self.report()
        a, b, c, d = map(int, self.ip.split("."))
        local = " %02X%02X%02X%02X:%04X " % (d, c, b, a, 5060)
        return local in open(FAMILY_FILE[self.transport]).read()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def finish(self):
        """Wait for its end; every call must have succeeded, and no message
        may have been sent or received twice."""
        try:
            status = self.process.wait(self.seconds + 5)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError("SIPp hangs: " + self.report())
        stat = self.statistics()
        assert status == 0, "SIPp exit %d: %s" % (status, self.report())
        assert int(stat["FailedCall(C)"]) == 0, self.report()
        assert int(stat["SuccessfulCall(C)"]) == self.calls, self.report()
        assert self.repeated() == {}, self.report()

    def statistics(self):
        """The last line of the statistics file, by column name."""
        return self._last_row("stat.csv")

    def repeated(self):
        """Messages that went over the wire more than once, {column: count}."""
        counts = self._last_row(next(self.dir.glob("*_counts.csv")).name)
        seen = {k: int(v) for k, v in counts.items()
                if k and k.endswith("_Retrans") and int(v)}
        sent = int(self.statistics()["Retransmissions(C)"])
        if sent:
            seen["Retransmissions(C)"] = sent
        return seen

    def _last_row(self, name):
        with open(self.dir / name, newline="") as f:
            return list(csv.DictReader(f, delimiter=";"))[-1]

    def report(self):
        """What SIPp said about itself, for a failed assertion."""
        parts = []
        for name in ("errors.log", "screen.log"):
            path = self.dir / name
            if path.exists():
                text = path.read_text("utf-8", "backslashreplace")
                parts.append("%s: ...%s" % (name, text[-3000:]))
        return "\n".join(parts)


def call(caller, callee, meanwhile=lambda: None):
    """Run both ends to their end and judge both; meanwhile() runs after the
    start."""
    try:
        callee.start()
        caller.start()
        meanwhile()
        caller.finish()
        callee.finish()
    finally:
        for end in (caller, callee):
            if hasattr(end, "process"):
                end.stop()

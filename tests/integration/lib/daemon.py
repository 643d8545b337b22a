"""viaductd under test: a configuration, a state directory and a log of its own."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

from . import settings, wait

SANITIZER = re.compile(
    rb"ERROR: (?:Address|Leak|Thread|Undefined)\w*Sanitizer|runtime error:")


def config(ip, domain, **sections):
    """A proxy for `domain` on UDP and TCP port 5060 of `ip`. A section given
    here adds to the default one key by key; a list replaces it."""
    conf = {
        "server": {"workers": 2, "drain": "1s"},
        "listen": ["udp://%s:5060" % ip, "tcp://%s:5060" % ip],
        "domains": {domain: {"authenticate": "none", "registrar": False}},
        "log": {"level": "info", "to": "stderr"},
        "admin": {"socket": ""},
    }
    for name, value in sections.items():
        if isinstance(value, dict):
            conf.setdefault(name, {}).update(value)
        else:
            conf[name] = value
    return conf


def route(user, *targets, **forward):
    """Calls to user@<a domain of ours> go to these URIs."""
    to = list(targets) if len(targets) > 1 else targets[0]
    return {"name": user,
            "match": {"request.user": user, "request.domain": "local"},
            "forward": {"to": to, **forward} if forward else to}


class Daemon:
    """Made stopped. `conf` is a dict (written as JSON, which is YAML) or the
    text of a file; `preexec` runs in the process before the program does.
    start() returns when the log says `ready`."""

    def __init__(self, directory, conf, name="viaductd", preexec=None):
        self.dir = directory / name
        self.dir.mkdir()
        self.file = self.dir / "viaduct.yaml"
        self.log_file = self.dir / "stderr.log"
        self.preexec = preexec
        self.process = None
        if isinstance(conf, dict):
            conf["server"].setdefault("state", str(self.dir / "state"))
        self.write(conf)

    def write(self, conf):
        """Change the configuration file; reload() makes it count."""
        self.conf = conf
        self.file.write_text(conf if isinstance(conf, str)
                             else json.dumps(conf, indent=1) + "\n")

    # ---- running ----

    def launch(self):
        """Start it, and do not wait."""
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                settings.WRAPPER + [settings.VIADUCTD, "-c", str(self.file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.dir, preexec_fn=self.preexec)
        return self

    def start(self):
        self.launch()
        wait.until(self._is_up, settings.patience(5), "the log line `ready`")
        return self

    def _is_up(self):
        assert self.process.poll() is None, (
            "exit %d at start:\n%s" % (self.process.returncode, self.log()))
        return self.has_logged(r"(?m)^.*\bready\b")

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, seconds):
        """The exit status, which must come in time and without a complaint of
        a sanitizer."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("still running; log:\n" + self.log()[-4000:])
        raw = self.log_file.read_bytes()
        assert not SANITIZER.search(raw), raw.decode("utf-8", "replace")
        return status

    def stop(self):
        """SIGTERM, and the exit that is promised: server.drain is 1s here, and
        1 s more is allowed."""
        self.signal(signal.SIGTERM)
        status = self.wait_exit(1 + settings.patience(1))
        assert status == 0, "exit %d:\n%s" % (status, self.log()[-4000:])

    def kill(self):
        """For the end of a failed test: no judgement."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def reload(self, conf):
        """New configuration, SIGHUP, and the log line that tells the result."""
        mark = len(self.log())
        self.write(conf)
        self.signal(signal.SIGHUP)
        return wait.until(lambda: re.search(r"(?m)^.*\breload.*$", self.log()[mark:]),
                          settings.patience(3), "a log line about the reload")[0]

    # ---- looking ----

    def log(self):
        return self.log_file.read_text("utf-8", "backslashreplace")

    def has_logged(self, pattern):
        return re.search(pattern, self.log())

    def expect_log(self, pattern, seconds=3):
        return wait.until(lambda: self.has_logged(pattern),
                          settings.patience(seconds), "log line " + pattern)

    def rss_kib(self):
        """Memory that it has in use, all of it."""
        lines = Path("/proc/%d/smaps_rollup" % self.process.pid).read_text()
        return int(re.search(r"(?m)^Rss:\s+(\d+)", lines).group(1))

    def n_descriptors(self):
        return len(list(Path("/proc/%d/fd" % self.process.pid).iterdir()))

    def cpu_s(self):
        """CPU time used so far, all threads, as the scheduler counts it."""
        tasks = Path("/proc/%d/task" % self.process.pid).iterdir()
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in tasks) / 1e9


class HasDaemon:
    """`with` starts self.daemon, and stops and judges it at the end."""

    def __enter__(self):
        try:
            self.daemon.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.daemon.stop()
        finally:
            self.close()

    def close(self):
        self.daemon.kill()


def run(*args, cwd=None, seconds=10):
    """Run the program to its end; status, output and the time it took."""
    began = time.monotonic()
    done = subprocess.run(settings.WRAPPER + [settings.VIADUCTD, *map(str, args)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="backslashreplace", cwd=cwd,
                          timeout=settings.patience(seconds))
    done.seconds = time.monotonic() - began
    assert not SANITIZER.search(done.stderr.encode()), done.stderr
    return done

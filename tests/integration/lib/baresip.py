"""A softphone: baresip, driven through its control connection. It speaks for two
minutes and then hangs up, hears nothing, and needs no sound device."""

import json
import re
import select
import shutil
import socket
import subprocess
import wave
from pathlib import Path

from . import settings, wait

CONTROL_PORT = 4444
SPEECH_S = 120

CONFIG = """\
sip_listen {ip}:5060
net_interface {ip}
call_max_calls 4
audio_player aubridge,{name}
audio_source aufile,{speech}
audio_alert aubridge,{name}-ring
rtp_ports 10000-10100
module_path {modules}
module g711.so
module aubridge.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {ip}:{control}
{more}
"""
ACCOUNT = ('<sip:{user}@{domain};transport={transport}>;auth_pass={password}'
           ';regint={interval};outbound="sip:{to};transport={transport}"{more}\n')


def module_directory():
    """Where Debian puts them, which differs between architectures."""
    return next(d for d in [Path("/usr/lib/baresip/modules"),
                            *Path("/usr/lib").glob("*/baresip/modules")]
                if d.is_dir())


def is_missing():
    return shutil.which("baresip") is None


class Baresip:
    """One phone with one account, made stopped.

    to         (ip, port) of the proxy that it sends everything to
    transport  udp, tcp or what the modules in `config` add
    account    more parameters of the account, such as ";answermode=auto"
    config     more lines of the configuration, such as "module ice.so"
    """

    def __init__(self, directory, user, domain, password, ip, to,
                 transport="udp", account="", config="", interval=60):
        self.dir = directory / ("baresip-" + ip)
        self.dir.mkdir()
        self.aor, self.ip = "sip:%s@%s" % (user, domain), ip
        (self.dir / "config").write_text(CONFIG.format(
            ip=ip, name=user, speech=self._speech(), modules=module_directory(),
            control=CONTROL_PORT, more=config))
        (self.dir / "accounts").write_text(ACCOUNT.format(
            user=user, domain=domain, password=password, transport=transport,
            interval=interval, to="%s:%d" % to, more=account))
        (self.dir / "contacts").write_text("")
        self.process = self.control = None
        self.buffer, self.events = b"", []

    def _speech(self):
        """Sound as telephones have it, longer than any call: at its end this
        release ends the call."""
        path = self.dir / "speech.wav"
        with wave.open(str(path), "wb") as f:
            f.setparams((1, 2, 8000, 0, "NONE", None))
            f.writeframes(bytes(range(0, 200, 2)) * 160 * SPEECH_S)
        return path

    # ---- running ----

    def start(self):
        """Returns when it is registered."""
        self.launch()
        wait.until(self.is_registered, settings.patience(10),
                   "a registration:\n" + self.log())
        return self

    def launch(self):
        """Returns when it takes commands."""
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["baresip", "-f", str(self.dir), "-s"], cwd=self.dir,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.control = wait.until(self._connect, settings.patience(5),
                                  "baresip's control connection")
        return self

    def _connect(self):
        assert self.process.poll() is None, self.log()
        try:
            return socket.create_connection((self.ip, CONTROL_PORT))
        except ConnectionRefusedError:
            return None

    def stop(self):
        """It removes its registration before it ends."""
        self.send("quit")
        try:
            self.process.wait(settings.patience(10))
        finally:
            self.kill()

    def kill(self):
        if self.control:
            self.control.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        """What it said, and every SIP message."""
        return (self.dir / "log").read_text("utf-8", "backslashreplace")

    # ---- telling it what to do ----

    def send(self, command, params=""):
        text = json.dumps({"command": command, "params": params,
                           "token": command}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def command(self, command, params=""):
        """What it answers, which must be a success."""
        self.send(command, params)
        got = self._expect(lambda m: m.get("token") == command, command)
        assert got["ok"], got
        return got["data"]

    def is_registered(self):
        return re.search(r"OK\b", self.command("reginfo"))

    def dial(self, uri):
        self.command("dial", uri)

    def answer(self):
        self.command("accept")

    def hang_up(self):
        self.command("hangup")

    # ---- what it sees ----

    def expect_event(self, kind, seconds=10):
        """The next event of that type, such as CALL_ESTABLISHED; `param` says
        more, for a call that ended its reason."""
        return self._expect(lambda m: m.get("type") == kind, kind, seconds)

    def _expect(self, match, what, seconds=10):
        def found():
            self._read()
            return next((m for m in self.events if match(m)), None)
        try:
            got = wait.until(found, settings.patience(seconds), what)
        except AssertionError as e:
            raise AssertionError("%s; had %s\n%s" % (
                e, self.events, self.log()[-6000:]))
        self.events.remove(got)
        return got

    def _read(self):
        """Netstrings: `length:json,`."""
        while select.select([self.control], [], [], 0)[0]:
            data = self.control.recv(65536)
            if not data:
                break
            self.buffer += data
        while True:
            m = re.match(rb"(\d+):", self.buffer)
            end = m and m.end() + int(m.group(1))
            if not m or len(self.buffer) <= end:
                return
            self.events.append(json.loads(self.buffer[m.end():end]))
            self.buffer = self.buffer[end + 1:]

"""Linphone without a window (Debian: linphone-cli), driven through its standard
input. It speaks for two minutes, and needs no sound device."""

import os
import re
import subprocess
import wave

from lib import settings, wait
from lib.baresip import SPEECH_S
from lib.certs import EC, openssl

CONFIG = """\
[sip]
default_proxy=0
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
root_ca={ca}
verify_server_cn=0
media_encryption={encryption}
[rtp]
audio_rtp_port=-1
rtcp_mux=1
accept_bundle=0
[nat_policy_0]
ref=nat
protocols={nat}
[net]
nat_policy_ref=nat
[auth_info_0]
username={user}
passwd={password}
realm={domain}
[proxy_0]
reg_proxy=<sip:{to};transport={transport}>
reg_route=<sip:{to};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
avpf=1
"""
ANY_PORT, NONE = -1, 0


class Linphone:
    """One phone with one account, made stopped.

    verify_server_cn=0: this release looks for host names in a certificate, and
    the server is an address here. It checks who signed it.
    accept_bundle=0: with BUNDLE it crashes now and then."""

    def __init__(self, directory, user, domain, password, to, transport, ca,
                 is_webrtc=False):
        self.dir = directory / ("linphone-" + user)
        for part in (".local/share/linphone", ".config/linphone", ".linphone-usr-crt"):
            (self.dir / part).mkdir(parents=True)
        self._write_identity()
        self.aor = "sip:%s@%s" % (user, domain)
        ports = {t: ANY_PORT if t == transport else NONE for t in ("udp", "tcp", "tls")}
        (self.dir / "rc").write_text(CONFIG.format(
            user=user, domain=domain, password=password, transport=transport,
            to="%s:%d" % to, ca=ca, encryption="dtls" if is_webrtc else "none",
            nat="ice" if is_webrtc else "", **ports))
        self.process = None
        self.seen = 0
        with wave.open(str(self.dir / "speech.wav"), "wb") as f:
            f.setparams((1, 2, 8000, 0, "NONE", None))
            f.writeframes(bytes(range(0, 200, 2)) * 160 * SPEECH_S)

    def _write_identity(self):
        """For DTLS. It makes one else, of a kind that takes it up to 15 s."""
        name = "linphone-dtls-default-identity"
        key, certificate = self.dir / "key.pem", self.dir / "certificate.pem"
        openssl("req", "-x509", *EC, "-subj", "/CN=" + name, "-keyout", key,
                "-out", certificate)
        (self.dir / ".linphone-usr-crt" / (name + ".pem")).write_text(
            certificate.read_text() + key.read_text())

    # ---- running ----

    def launch(self):
        with open(self.dir / "output", "wb") as output:
            self.process = subprocess.Popen(
                ["linphonec", "-c", str(self.dir / "rc"), "-d", "6", "-l",
                 str(self.dir / "log")],
                cwd=self.dir, stdin=subprocess.PIPE, stdout=output, stderr=output,
                text=True, bufsize=1, env={**os.environ, "HOME": str(self.dir)})
        self.say("soundcard use files")
        return self

    def stop(self):
        """It removes its registration before it ends."""
        self.say("quit")
        try:
            self.process.wait(settings.patience(15))
        finally:
            self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        path = self.dir / "log"
        return path.read_text("utf-8", "backslashreplace") if path.exists() else ""

    # ---- telling it what to do ----

    def say(self, command):
        self.process.stdin.write(command + "\n")

    def dial(self, uri):
        self.say("call " + uri)

    def answer(self):
        self.say("answer")

    def talk(self):
        """Once there is a call."""
        self.say("play speech.wav")

    def hang_up(self):
        self.say("terminate")

    # ---- what it sees ----

    def expect(self, pattern, seconds=10):
        """It says so, after what was expected before."""
        def found():
            text = (self.dir / "output").read_text("utf-8", "backslashreplace")
            return re.compile(pattern).search(text, self.seen)
        self.seen = wait.until(found, settings.patience(seconds), pattern).end()

    def expect_registration(self):
        self.expect_log(r"moving from state \[\w+\] to \[LinphoneRegistrationOk\]", 30)

    def expect_log(self, pattern, seconds=10):
        return wait.until(lambda: re.search(pattern, self.log()),
                          settings.patience(seconds), pattern)

    def hears(self):
        """Sound comes in: it notes once a second how much, in kbit/s."""
        self.expect_log(r"RTP : \[d=[1-9]\d")

"""Chromium without a window, driven through driver.cjs."""

import json
import os
import subprocess
import time
from pathlib import Path

from lib import settings

HERE = Path(__file__).parent
BUILT = Path(os.environ["VIADUCT_PHONES_BUILD"]) # by `build`
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
]

# Audio that came in, over all the connections of a page.
RECEIVED = """(async () => {
    const sum = { packets: 0, energy: 0, sent: 0 };
    for (const connection of window.connections)
        for (const s of (await connection.getStats()).values())
            if (s.type === "inbound-rtp" && s.kind === "audio") {
                sum.packets += s.packetsReceived;
                sum.energy += s.totalAudioEnergy || 0;
            } else if (s.type === "outbound-rtp") {
                sum.sent += s.packetsSent;
            }
    return sum;
})()"""


class BrowserError(Exception):
    pass


class Browser:
    """Its console goes to `log`. Without the usual flags that begin with one of
    `without`."""

    def __init__(self, log, flags=(), without=()):
        self.last_id = 0
        usual = [f for f in FLAGS if not f.startswith(tuple(without))]
        self.process = subprocess.Popen(
            ["node", str(HERE / "driver.cjs"), "/usr/bin/chromium", *usual, *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(log, "ab"),
            text=True, bufsize=1,
            env={**os.environ, "NODE_PATH": str(BUILT / "node_modules")})
        assert self._read() == {"ready": True}, log.read_text()

    def _read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def do(self, what, **fields):
        self.last_id += 1
        self.process.stdin.write(
            json.dumps({"id": self.last_id, "do": what, **fields}) + "\n")
        answer = self._read()
        if answer is None:
            raise BrowserError("the browser has ended")
        assert answer["id"] == self.last_id
        if "error" in answer:
            raise BrowserError("%s: %s" % (what, answer["error"]))
        return answer.get("value")

    def context(self, **options):
        return Context(self, self.do("context", options=options))

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise



class Context:
    """A browser profile of its own: what one person's tabs share."""

    def __init__(self, browser, number):
        self.browser, self.number = browser, number

    def page(self, url):
        return Page(self, self.browser.do("page", context=self.number, url=url))

    def fake_clock(self):
        """Before there are pages in it; page.forward() moves all of them."""
        self.browser.do("clock", context=self.number)

    def close(self):
        self.browser.do("close_context", context=self.number)


class Page:
    def __init__(self, context, number):
        self.context, self.browser, self.number = context, context.browser, number

    def do(self, what, **fields):
        return self.browser.do(what, page=self.number, **fields)

    def eval(self, code):
        return self.do("eval", code=code)

    def wait(self, code, seconds=10):
        """Until the expression is true; its value."""
        return self.do("wait", code=code, ms=1000 * settings.patience(seconds))

    def forward(self, seconds):
        self.do("forward", ms=1000 * seconds)

    def audio(self):
        return self.eval(RECEIVED)

    def hears(self, seconds=10):
        """Fresh packets with sound in them come in."""
        began = self.audio()
        deadline = time.monotonic() + settings.patience(seconds)
        while time.monotonic() < deadline:
            now = self.audio()
            if (now["packets"] >= began["packets"] + 25
                    and now["energy"] > began["energy"]):
                return
            time.sleep(0.1)
        raise AssertionError("no audio: %s, then %s" % (began, now))

"""SIPp's own scenarios, as they come with it, through the daemon."""

import contextlib
import subprocess

import pytest

from lib import settings, wait
from lib.daemon import config

CALLS = 50  # branchc and branchs treat call 2, and 20 to 29, differently
PAIRS = [("uac", "uas"), ("regexp", "uas"), ("branchc", "branchs")]


@contextlib.contextmanager
def answering(scenario, ip, directory):
    with open(directory / "uas.log", "wb") as log:
        process = subprocess.Popen(
            ["sipp", "-sn", scenario, "-i", ip, "-p", "5060", "-nostdin"],
            cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        a, b, c, d = map(int, ip.split("."))
        local = " %02X%02X%02X%02X:%04X " % (d, c, b, a, 5060)
        wait.until(lambda: local in open("/proc/net/udp").read(),
                   settings.patience(5), "SIPp's socket")
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("caller, callee", PAIRS)
def test_the_stock_scenarios_of_sipp_pass(caller, callee, start_daemon,
                                          addresses, tmp_path):
    relay, far = addresses.take(), addresses.take()
    start_daemon(config(
        relay, "biloxi.com", trust=[addresses.trusted_net], routes=[{
            "match": {"request.domain": "ca.cym.com"},  # branchc's domain
            "forward": {"next_hop": "sip:%s:5060" % far}}]))
    with answering(callee, far, tmp_path):
        done = subprocess.run(
            ["sipp", "-sn", caller, "-i", addresses.take_trusted(), "-p",
             "5060", "-rsa", relay + ":5060", "-m", str(CALLS), "-r", "50",
             "-d", "50", "-nostdin", "-timeout", "20s", "-timeout_error",
             far + ":5060"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=settings.patience(30))
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-3000:]

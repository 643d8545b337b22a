"""SIPp's own scenarios, as they come with it, through the daemon; and what the
worst fork may cost (RFC 5393)."""

import contextlib
import re
import subprocess
from pathlib import Path

import pytest

from lib import settings, wait
from lib.daemon import config, route

CALLS = 20
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


def cpu_ms(process):
    """User and system time of all threads, from the scheduler's own count."""
    total = 0
    for task in Path("/proc/%d/task" % process.pid).iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def test_rfc5393_two_users_that_fork_to_each_other_cost_little(
        start_daemon, addresses, peers):
    """A spiral that doubles at each turn: Max-Breadth and the branch values end
    it after at most 60 branches."""
    ip = addresses.take()
    here = [["sip:a@%s" % ip, "sip:b@%s" % ip]] * 2
    daemon = start_daemon(config(
        ip, "biloxi.com", trace={"level": "summary"},
        routes=[route(user, *to) for user, to in zip("ab", here)]))
    caller = peers.udp()
    before = cpu_ms(daemon.process)
    request = caller.request("INVITE", "sip:a@" + ip)
    caller.send(request, (ip, 5060))
    final = caller.expect_response(request)
    spent = cpu_ms(daemon.process) - before
    assert final.status in (440, 482, 483, 500)
    branches = len(re.findall(r"dir=step .*step=branch why=\"\d+ goes to",
                              daemon.log()))
    assert 0 < branches <= 60
    assert spent <= settings.patience(50)

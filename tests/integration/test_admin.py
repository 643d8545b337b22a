"""Metrics and health over HTTP: what they say, and who asks badly."""

import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from lib import http, settings, wait
from lib.daemon import Daemon, config, route, run
from lib.http import Metrics, ask
from lib.message import build_ack

DEADLINE_S = 1
VISITORS_MAX = 32 # src/admin/door.c


class Watched:
    """A registrar for biloxi.com that also routes to a scripted Carol, and where
    one asks how it is."""

    def __init__(self, start_daemon, addresses, directory, peers, preexec=None,
                 **sections):
        self.ip = addresses.take()
        self.address = (self.ip, 5060)
        self.http = (self.ip, 8060)
        self.socket = str(directory / "admin.sock")
        self.phone, self.carol = peers.udp(), peers.udp()
        sections.setdefault("limits", {"message_timeout": "%ds" % DEADLINE_S})
        self.daemon = start_daemon(config(
            self.ip, "biloxi.com",
            domains={"biloxi.com": {"authenticate": "none", "registrar": True}},
            routes=[route("carol", "sip:carol@" + self.carol.hostport)],
            admin={"http": "%s:%d" % self.http, "socket": self.socket},
            **sections), preexec=preexec)

    def metrics(self):
        answer = ask(self.http)
        assert answer.status == 200
        return Metrics(answer.text)

    def expect(self, metric, wanted, **labels):
        """The value comes to be `wanted`: gauges follow within a second."""
        wait.until(lambda: self.metrics().value(metric, **labels) == wanted,
                   settings.patience(4), "%s %s = %s" % (metric, labels, wanted))

    def register(self, status=200, user="bob", expires=3600):
        aor = "<sip:%s@biloxi.com>" % user
        request = self.phone.request(
            "REGISTER", "sip:biloxi.com", to=aor, from_=aor + ";tag=r",
            extra=[("Expires", str(expires))])
        self.phone.send(request, self.address)
        return self.phone.expect_response(request, status)


class Asked:
    """One that handles no calls: for those who only ask over HTTP."""

    def __init__(self, directory, addresses):
        self.ip = addresses.take()
        self.http = (self.ip, 8060)
        self.socket = str(directory / "asked.sock")
        self.daemon = Daemon(directory, config(
            self.ip, "biloxi.com",
            limits={"message_timeout": "%ds" % DEADLINE_S},
            admin={"http": "%s:%d" % self.http, "socket": self.socket}), "asked")

    def n_fds(self):
        return len(list(Path("/proc/%d/fd" % self.daemon.process.pid).iterdir()))


@pytest.fixture(scope="module")
def asked(module_dir, addresses):
    made = Asked(module_dir, addresses)
    try:
        made.daemon.start()
        made.n_fds_alone = made.n_fds()
        yield made
        made.daemon.stop()
    finally:
        made.daemon.kill()


@pytest.fixture
def watched(start_daemon, addresses, tmp_path, peers):
    return Watched(start_daemon, addresses, tmp_path, peers)


# ---- what is said ----


def test_promtool_finds_nothing_wrong(asked):
    text = ask(asked.http).body
    done = subprocess.run(["promtool", "check", "metrics"], input=text,
                          capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_labels_are_those_of_the_manual(asked):
    manual = (settings.TOP / "docs" / "operating.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `(viaduct_\w+)` \| \w+ \|([^|]*)\|", manual))
    said = {}
    for name, labels, _ in http.SAMPLE.findall(ask(asked.http).text):
        base = re.sub("_(bucket|sum|count)$", "", name)
        base = base if base in rows else name
        names = set(re.findall(r'(\w+)="', labels)) - {"le"}
        said.setdefault(base, set()).update(names)
    assert said == {m: set(re.findall(r"`(\w+)`", text)) for m, text in rows.items()}


def test_a_call_moves_what_it_should(watched):
    phone, carol = watched.phone, watched.carol
    before = watched.metrics()
    invite = phone.request("INVITE", "sip:carol@biloxi.com")
    phone.send(invite, watched.address)
    got = carol.expect_request("INVITE", invite.call_id)
    carol.reply(got, 180, to=watched.address)
    phone.expect_response(invite, 180)
    watched.expect("open_requests", 1)
    assert watched.metrics().value("open_transactions") == 2
    carol.reply(got, 200, to=watched.address)
    ok = phone.expect_response(invite, 200)
    phone.send(phone.in_dialog("ACK", invite, ok, cseq=1), watched.address)
    carol.expect_request("ACK", invite.call_id)
    bye = phone.in_dialog("BYE", invite, ok)
    phone.send(bye, watched.address)
    carol.reply(carol.expect_request("BYE", invite.call_id), 481,
                to=watched.address)
    phone.expect_response(bye, 481)
    after = watched.metrics()

    def moved(metric, **labels):
        return after.value(metric, **labels) - before.value(metric, **labels)

    assert moved("messages_received_total", transport="udp") == 6
    assert moved("messages_received_total", transport="tcp") == 0
    assert moved("messages_sent_total", transport="udp") == 7
    for method in ["INVITE", "ACK", "BYE"]:
        assert moved("requests_total", method=method) == 1
    assert moved("responses_total", method="INVITE", **{"class": "2xx"}) == 1
    assert moved("responses_total", method="BYE", **{"class": "4xx"}) == 1
    assert moved("responses_total") == 2
    assert moved("invite_setup_seconds_count") == 1
    assert moved("transaction_seconds_count", request="invite") == 1
    assert moved("transaction_seconds_count", request="other") == 1
    watched.expect("open_requests", 0)
    watched.expect("open_transactions", 0)


def test_the_time_of_set_up_is_that_from_invite_to_2xx(watched):
    phone, carol = watched.phone, watched.carol
    invite = phone.request("INVITE", "sip:carol@biloxi.com")
    began = time.monotonic()
    phone.send(invite, watched.address)
    got = carol.expect_request("INVITE", invite.call_id)
    carol.reply(got, 180, to=watched.address)
    phone.expect_response(invite, 180)
    time.sleep(0.3) # it rings
    carol.reply(got, 200, to=watched.address)
    phone.expect_response(invite, 200)
    took = time.monotonic() - began
    said = watched.metrics().value("invite_setup_seconds_sum")
    assert 0.28 <= said <= took + 0.02
    assert watched.metrics().value("invite_setup_seconds_bucket", le="0.25") == 0


def test_an_error_is_no_set_up(watched):
    phone, carol = watched.phone, watched.carol
    invite = phone.request("INVITE", "sip:carol@biloxi.com")
    phone.send(invite, watched.address)
    carol.reply(carol.expect_request("INVITE", invite.call_id), 486,
                to=watched.address)
    busy = phone.expect_response(invite, 486)
    phone.send(build_ack(invite, busy), watched.address)
    said = watched.metrics()
    assert said.value("invite_setup_seconds_count") == 0
    assert said.value("transaction_seconds_count", request="invite") == 1
    assert said.value("responses_total", method="INVITE", **{"class": "4xx"}) == 1


def test_registrations_are_counted_by_what_became_of_them(watched):
    watched.register()
    watched.expect("contacts", 1)
    watched.expect("addresses_of_record", 1)
    watched.register(423, user="carol", expires=2)
    said = watched.metrics()
    assert said.value("registrations_total", result="accepted") == 1
    assert said.value("registrations_total", result="too_brief") == 1
    assert said.value("registrations_total") == 2
    assert said.value("store_commits_total") == 1
    assert said.value("store_records_total") == 1
    assert said.value("store_queue") == 0
    watched.register(expires=0)
    watched.expect("contacts", 0)
    watched.expect("addresses_of_record", 0)


def test_what_is_not_sip_is_counted(watched):
    watched.phone.send(b"OPTIONS sip:biloxi.com SIP/2.0\r\nVia: x\r\n\r\n",
                       watched.address)
    watched.expect("messages_malformed_total", 1)


def test_wrong_passwords_and_bans_are_counted(start_daemon, addresses, tmp_path,
                                              peers):
    from test_users import Domain
    domain = Domain(start_daemon, addresses, tmp_path, peers)
    conf = json.loads(json.dumps(domain.daemon.conf))
    domain.daemon.stop()
    conf["admin"] = {"http": "%s:8060" % domain.ip}
    conf["limits"] = {"auth_failures": {"count": 2, "within": "1m", "ban": "1m"}}
    start_daemon(conf, name="again")
    domain.log_in("wonderland")
    domain.log_in("wrong", status=401)
    domain.log_in("wrong", status=401)
    domain.register(status=403)
    said = Metrics(ask((domain.ip, 8060)).text)
    assert said.value("auth_good_total") == 1
    assert said.value("auth_failures_total", reason="wrong") == 2
    assert said.value("auth_failures_total", reason="banned") == 1
    assert said.value("auth_bans_total") >= 1
    assert said.value("auth_challenges_total") == 5
    assert said.value("limit_reached_total", limit="limits.auth_failures") == 1


def test_name_servers_are_counted(start_daemon, addresses, tmp_path, peers,
                                  start_nsd):
    nsd = start_nsd({"chicago.com": ["gw IN A " + addresses.take()]})
    watched = Watched(
        start_daemon, addresses, tmp_path, peers, trust=["127.0.0.0/8"],
        resolver={"servers": ["%s:%d" % nsd.address]})
    for _ in range(2):
        request = watched.phone.request("OPTIONS", "sip:x@nowhere.chicago.com")
        watched.phone.send(request, watched.address)
        watched.phone.expect_response(request)
    said = watched.metrics()
    asked = said.value("dns_queries_total")
    assert asked >= 1
    assert said.value("dns_cache_total", result="miss") >= 1
    assert said.value("dns_failures_total") == 2
    watched.expect("dns_queries_in_flight", 0)


def test_connections_are_told_by_transport_and_refused_ones_by_limit(
        start_daemon, addresses, tmp_path, peers):
    watched = Watched(start_daemon, addresses, tmp_path, peers,
                      limits={"connections_per_source": 1})
    source = addresses.take()
    first = peers.tcp(watched.address, ip=source)
    watched.expect("connections", 1, transport="tcp")
    peers.tcp(watched.address, ip=source).expect_close()
    said = watched.metrics()
    assert said.value("limit_reached_total",
                      limit="limits.connections_per_source") == 1
    assert said.value("connections_refused_total") == 1
    first.close()
    watched.expect("connections", 0, transport="tcp")


def test_process_and_memory_are_those_of_the_kernel(asked):
    said = Metrics(ask(asked.http).text)
    proc = Path("/proc/%d" % asked.daemon.process.pid)
    rss = int(re.search(r"VmRSS:\s*(\d+)", (proc / "status").read_text())[1]) * 1024
    assert abs(said.value("process_resident_bytes") - rss) < rss / 2
    n_fds = len(list((proc / "fd").iterdir()))
    assert abs(said.value("process_open_fds") - n_fds) <= 2
    assert said.value("workers") == 2

    def is_told():
        said = Metrics(ask(asked.http).text)
        return all(0 < said.value("memory_used_bytes", worker=w)
                   <= said.value("memory_held_bytes", worker=w) for w in "01")

    wait.until(is_told, settings.patience(4), "memory of both workers")


def test_a_reload_shows(watched):
    daemon = watched.daemon
    good = json.loads(json.dumps(daemon.conf))
    start = watched.metrics()
    assert start.value("config_last_reload_success") == 1
    stamp = "config_last_reload_success_timestamp_seconds"
    assert abs(start.value(stamp) - time.time()) < 60
    daemon.reload({**good, "timerz": {}})
    bad = watched.metrics()
    assert bad.value("config_last_reload_success") == 0
    assert bad.value(stamp) == start.value(stamp)
    daemon.reload(good)
    assert watched.metrics().value("config_last_reload_success") == 1


def test_a_changed_address_waits_for_a_restart(watched):
    conf = json.loads(json.dumps(watched.daemon.conf))
    conf["admin"] = {"http": "%s:8061" % watched.ip, "socket": ""}
    watched.daemon.reload(conf)
    watched.daemon.expect_log("reload.restart_needed option=admin.http")
    watched.daemon.expect_log("reload.restart_needed option=admin.socket")
    assert ask(watched.http, "/livez").status == 200


# ---- health ----


def test_live_and_ready(asked):
    for where in [asked.http, asked.socket]:
        for path in ["/livez", "/readyz"]:
            answer = ask(where, path)
            assert (answer.status, answer.text) == (200, "ok\n")


def test_draining_is_live_and_not_ready(watched):
    conf = json.loads(json.dumps(watched.daemon.conf))
    conf["server"]["drain"] = "20s"
    watched.daemon.reload(conf)
    invite = watched.phone.request("INVITE", "sip:carol@biloxi.com")
    watched.phone.send(invite, watched.address)
    got = watched.carol.expect_request("INVITE", invite.call_id)
    watched.daemon.signal(signal.SIGTERM)
    watched.daemon.expect_log("stopping")
    answer = ask(watched.http, "/readyz")
    assert (answer.status, answer.text) == (503, "draining\n")
    assert ask(watched.http, "/livez").status == 200
    assert watched.metrics().value("ready") == 0
    watched.carol.reply(got, 486, to=watched.address)
    busy = watched.phone.expect_response(invite, 486)
    watched.phone.send(build_ack(invite, busy), watched.address)
    assert watched.daemon.wait_exit(settings.patience(5)) == 0


def test_a_full_disk_is_not_ready_until_there_is_room(start_daemon, addresses,
                                                      tmp_path, peers):
    watched = Watched(start_daemon, addresses, tmp_path, peers,
                      preexec=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
    pid = watched.daemon.process.pid
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    watched.register(500)
    answer = ask(watched.http, "/readyz")
    assert (answer.status, answer.text) == (503, "registrations cannot be stored\n")
    assert ask(watched.http, "/livez").status == 200
    said = watched.metrics()
    assert said.value("store_up") == 0
    assert said.value("store_failures_total") >= 1
    assert said.value("registrations_total", result="not_stored") == 1
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    wait.until(lambda: ask(watched.http, "/readyz").status == 200,
               settings.patience(5), "ready again")
    watched.register(200)


def other_threads(pid):
    return [int(t.name) for t in Path("/proc/%d/task" % pid).iterdir()
            if int(t.name) != pid]


class Held:
    """Every thread of a process but the first, stopped as a debugger does it."""

    ATTACH, DETACH, WALL = 16, 17, 0x40000000

    def __init__(self, pid):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.threads = other_threads(pid)

    def trace(self, what, thread):
        assert self.libc.ptrace(what, thread, None, None) == 0, (
            os.strerror(ctypes.get_errno()))

    def __enter__(self):
        for thread in self.threads:
            self.trace(self.ATTACH, thread)
            os.waitpid(thread, self.WALL)
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            self.trace(self.DETACH, thread)


def test_a_worker_that_is_stuck_is_not_live(watched):
    with Held(watched.daemon.process.pid):
        wait.until(lambda: ask(watched.http, "/livez").status == 503,
                   settings.patience(12), "not live")
        assert ask(watched.http, "/livez").text == "a worker does not answer\n"
        assert ask(watched.http, "/readyz").status == 503
    wait.until(lambda: ask(watched.http, "/livez").status == 200,
               settings.patience(4), "live again")


# ---- who asks badly ----


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/nothing"])
def test_head_is_get_without_the_body(asked, path):
    got, head = ask(asked.http, path), ask(asked.http, path, "HEAD")
    assert head.body == b""
    assert head.status == got.status
    assert head.fields["content-type"] == got.fields["content-type"]
    if path != "/metrics": # which grows
        assert head.fields["content-length"] == got.fields["content-length"]


@pytest.mark.parametrize("method, body", [
    ("POST", b""), ("PUT", b"x"), ("DELETE", b""), ("OPTIONS", b""),
    ("PATCH", b""), ("BREW", b"")])
def test_other_methods_are_405(asked, method, body):
    answer = ask(asked.http, method=method, body=body,
                 extra="Content-Length: %d\r\n" % len(body))
    assert answer.status == 405
    assert answer.fields["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics/", "//metrics", "/../metrics",
                                  "/api/v1", "/metric"])
def test_what_is_not_there_is_404(asked, path):
    assert ask(asked.http, path).status == 404


@pytest.mark.parametrize("host, status", [
    ("localhost", 200), ("localhost:8060", 200), ("127.0.0.1", 200),
    ("rebound.example", 403), ("rebound.example:8060", 403),
    ("localhost.rebound.example", 403), ("192.0.2.1", 403), ("", 400)])
def test_a_name_of_somebody_elses_leads_nowhere(asked, host, status):
    for path in ["/metrics", "/livez", "/readyz", "/nothing"]:
        got = ask(asked.http, path, host=host).status
        assert got == (404 if status == 200 and path == "/nothing" else status)


@pytest.mark.parametrize("where", ["http", "socket"])
def test_a_page_of_another_origin_reads_nothing(asked, where):
    answer = ask(getattr(asked, where), extra="Origin: http://evil.example\r\n")
    assert answer.status == 403
    assert "viaduct_" not in answer.text
    assert "access-control-allow-origin" not in answer.fields


def assert_closed_in_time(asked, sock, began, feed=None):
    """The other side ends it, about when it should."""
    deadline = began + settings.patience(DEADLINE_S + 2)
    sock.settimeout(0.05)
    while time.monotonic() < deadline:
        try:
            if feed:
                sock.send(feed)
            if sock.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    else:
        raise AssertionError("still open")
    assert time.monotonic() - began >= DEADLINE_S - 0.1
    assert ask(asked.http, "/livez").status == 200


@pytest.mark.parametrize("first, drip", [
    (b"", None), (b"GET /livez HTTP/1.1\r\nHost: ", None),
    (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
    (b"GET /", b"a"),
    (b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", b"a")
], ids=["nothing", "silence", "field", "path", "body"])
def test_slowloris_gets_as_long_as_a_message_may_take(asked, first, drip):
    began = time.monotonic()
    with http.connect(asked.http) as sock:
        sock.sendall(first)
        assert_closed_in_time(asked, sock, began, drip)


@pytest.mark.parametrize("start", [
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", b"GET /",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 5000],
    ids=["field", "path", "fields"])
def test_an_endless_head_ends(asked, start):
    before = Metrics(ask(asked.http).text).value("process_resident_bytes")
    with http.connect(asked.http) as sock:
        sock.sendall(start)
        until = time.monotonic() + settings.patience(DEADLINE_S + 2)
        with pytest.raises(OSError):
            while time.monotonic() < until:
                sock.sendall(b"a" * 4096)
    after = Metrics(ask(asked.http).text).value("process_resident_bytes")
    if not settings.SLOW: # a sanitizer keeps for a while what is freed
        assert after - before < 2 << 20
    assert ask(asked.http, "/livez").status == 200


def test_an_endless_body_is_not_waited_for(asked):
    answer = ask(asked.http, method="POST",
                 extra="Content-Length: 4294967296\r\n", body=b"x")
    assert answer.status in (405, 413)


def count_visitors(asked):
    return asked.n_fds() - asked.n_fds_alone


def expect_visitors(asked, n):
    wait.until(lambda: count_visitors(asked) == n,
               settings.patience(DEADLINE_S + 2), "%d connections" % n)


def test_who_does_not_read_is_dropped(asked):
    expect_visitors(asked, 0)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.connect(asked.http)
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        expect_visitors(asked, 1)
        expect_visitors(asked, 0)
    assert ask(asked.http, "/livez").status == 200


def test_many_connections_wait_for_their_turn(asked):
    expect_visitors(asked, 0)
    began = time.monotonic()
    with contextlib.ExitStack() as crowd:
        for _ in range(VISITORS_MAX + 5):
            crowd.enter_context(http.connect(asked.http))
        expect_visitors(asked, VISITORS_MAX)
        # The other door is not shut.
        assert ask(asked.socket, "/livez").status == 200
        assert time.monotonic() - began < DEADLINE_S
        assert ask(asked.http, "/livez").status == 200
        assert time.monotonic() - began >= DEADLINE_S - 0.1 # it had to wait


def test_visitors_that_leave_make_room_at_once(asked):
    """Many times the ceiling, one after the other, without a request."""
    expect_visitors(asked, 0)
    began = time.monotonic()
    for _ in range(3 * VISITORS_MAX):
        http.connect(asked.http).close()
    assert ask(asked.http, "/livez").status == 200
    assert time.monotonic() - began < settings.patience(2)


def test_calls_do_not_wait_for_the_curious(asked, peers):
    phone = peers.udp()
    with contextlib.ExitStack() as crowd:
        for _ in range(VISITORS_MAX + 5):
            crowd.enter_context(http.connect(asked.http))
        request = phone.request("OPTIONS", "sip:" + asked.ip)
        phone.send(request, (asked.ip, 5060))
        phone.expect_response(request, 200)


# ---- sockets ----


def test_the_socket_is_private_and_goes_with_the_daemon(watched):
    mode = os.stat(watched.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    watched.daemon.stop()
    assert not os.path.exists(watched.socket)


def test_a_socket_left_behind_is_replaced(watched, start_daemon):
    conf = watched.daemon.conf
    watched.daemon.kill()
    assert os.path.exists(watched.socket)
    start_daemon(conf, name="next")
    assert ask(watched.socket, "/livez").status == 200


def second(watched, addresses, tmp_path, **admin):
    ip = addresses.take()
    daemon = Daemon(tmp_path, config(ip, "biloxi.com", admin=admin), "second")
    return run("-c", daemon.file)


@pytest.mark.parametrize("key", ["http", "socket"])
def test_an_address_in_use_is_exit_3_and_one_sentence(watched, addresses, tmp_path,
                                                      key):
    value = watched.socket if key == "socket" else "%s:8060" % watched.ip
    done = second(watched, addresses, tmp_path, **{"socket": "", key: value})
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "viaductd: admin.%s: %s: address already in use" % (key, value))
    assert ask(watched.socket, "/livez").status == 200 # it is still there


def test_a_directory_that_cannot_be_made_is_exit_3(watched, addresses, tmp_path):
    done = second(watched, addresses, tmp_path, socket="/proc/viaduct/a.sock")
    assert done.returncode == 3
    assert "viaductd: admin.socket: /proc/viaduct/a.sock: " in done.stderr


def test_ipv6(start_daemon, addresses):
    start_daemon(config(addresses.take(), "biloxi.com",
                        admin={"http": "[::1]:8060"}))
    assert ask(("::1", 8060), "/livez").status == 200
    assert ask(("::1", 8060), "/livez", host="evil.example:8060").status == 403


@pytest.mark.parametrize("admin, why", [
    ({"http": "8060"}, "is no ADDRESS:PORT"),
    ({"http": "127.0.0.1"}, "is no ADDRESS:PORT"),
    ({"http": "localhost:8060"}, "is no ADDRESS:PORT"),
    ({"socket": "/run/" + 108 * "x"}, "longer than")],
    ids=["port", "address", "name", "path"])
def test_bad_addresses_are_found_by_check(addresses, tmp_path, admin, why):
    daemon = Daemon(tmp_path, config(addresses.take(), "biloxi.com", admin=admin))
    done = run("--check", "-c", daemon.file)
    assert done.returncode == 1
    assert "admin." in done.stderr and why in done.stderr


def test_an_address_that_others_reach_is_warned_of(start_daemon, addresses):
    daemon = start_daemon(config(addresses.take(), "biloxi.com",
                                 admin={"http": "0.0.0.0:8069"}))
    daemon.expect_log("conf.warning .*option=admin.http")

"""Start, stop, and everything that can keep the daemon from starting."""

import json
import re
import signal
import stat
import time

import pytest

from lib import settings, wait
from lib.daemon import Daemon, config, route, run
from lib.message import build_ack

OK, BAD_CONFIG, USAGE, CANNOT_START = 0, 1, 2, 3
START_S = 2  # a start that fails has failed by then


@pytest.fixture
def ip(addresses):
    return addresses.take()


@pytest.fixture
def daemon(ip, tmp_path):
    """Configured, not started."""
    made = Daemon(tmp_path, config(ip, "biloxi.com"))
    yield made
    made.kill()


def said(text):
    """The lines of an output that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


def fails_to_start(daemon, status, pattern):
    done = run("-c", daemon.file)
    assert done.returncode == status, done.stderr
    assert done.seconds < settings.patience(START_S)
    matching = [x for x in said(done.stderr) if re.search(pattern, x)]
    assert matching, done.stderr
    assert status != CANNOT_START or len(matching) == 1, done.stderr


# ---- the command line ----


def test_version_is_one_line():
    done = run("--version")
    assert done.returncode == OK
    assert re.fullmatch(r"viaductd \d+\.\d+\S*.*\n", done.stdout)


def test_help_names_every_option():
    done = run("--help")
    assert done.returncode == OK
    for option in ("-c", "--check", "--print-config", "--version", "--help"):
        assert option in done.stdout


def test_help_names_every_signal():
    done = run("--help")
    for name in ("SIGHUP", "SIGTERM", "SIGINT", "SIGUSR1"):
        assert name in done.stdout


@pytest.mark.parametrize("args", [["--no-such-option"], ["-c"], ["stray"]])
def test_a_wrong_command_line_is_status_2_and_a_hint(args):
    done = run(*args)
    assert done.returncode == USAGE
    assert said(done.stderr) and not done.stdout


def test_check_accepts_a_good_file_and_binds_nothing(daemon):
    daemon.start()
    done = run("-c", daemon.file, "--check")
    assert done.returncode == OK, done.stderr
    daemon.stop()


def test_print_config_shows_defaults_and_the_built_in_routes(daemon):
    done = run("-c", daemon.file, "--print-config")
    assert done.returncode == OK, done.stderr
    for text in ("default-local", "default-out", "default-deny",
                 "search_timeout", "message_size"):
        assert text in done.stdout


def test_what_print_config_prints_is_a_good_file(daemon, tmp_path):
    printed = run("-c", daemon.file, "--print-config").stdout
    again = tmp_path / "again.yaml"
    again.write_text(printed)
    done = run("-c", again, "--check")
    assert done.returncode == OK, done.stderr


def test_print_config_masks_the_secret(daemon):
    daemon.conf["server"]["secret"] = "do-not-show-this-secret"
    daemon.write(daemon.conf)
    done = run("-c", daemon.file, "--print-config")
    assert done.returncode == OK, done.stderr
    assert "do-not-show-this-secret" not in done.stdout + done.stderr


# ---- configurations that are refused ----


def test_all_mistakes_are_reported_in_one_run(daemon):
    daemon.write(
        "listen: udp://127.0.0.1:5060\n"
        "timers: { t1: 5 }\n"
        "no_such_key: 1\n"
        "limits:\n"
        "  transactions: many\n"
        "  headers: 1\n"
        "  headers: 2\n")
    for args in ([], ["--check"]):
        done = run("-c", daemon.file, *args)
        assert done.returncode == BAD_CONFIG
        assert done.seconds < settings.patience(START_S)
        places = [(2, "timers.t1"), (3, "no_such_key"),
                  (5, "limits.transactions"), (7, "limits.headers")]
        for line, path in places:
            assert re.search(r"(?m)^\S*%s:%d:\d+: %s: \S" % (
                re.escape(daemon.file.name), line, re.escape(path)),
                done.stderr), (path, done.stderr)


def test_an_unknown_key_comes_with_a_suggestion(daemon):
    daemon.write("listen: udp://127.0.0.1:5060\nlimit: { headers: 9 }\n")
    done = run("-c", daemon.file, "--check")
    assert done.returncode == BAD_CONFIG
    assert 'did you mean "limits"' in done.stderr


@pytest.mark.parametrize("text", [
    "", "listen: []\n", "listen: udp://127.0.0.1:99999\n", "[ 1, 2 ]\n",
    "listen: udp://127.0.0.1:5060\nserver: { name: \"${NO_SUCH_VARIABLE}\" }\n",
    "a: &a [*a, *a]\n", "\0\0\0\n",
], ids=["empty", "no-listener", "bad-port", "no-map", "unset-variable",
        "alias-of-itself", "binary"])
def test_a_file_that_cannot_be_used_is_status_1_with_its_place(daemon, text):
    daemon.write(text)
    fails_to_start(daemon, BAD_CONFIG, re.escape(daemon.file.name) + r":\d+:\d+: ")


def test_a_missing_file_is_status_1_and_names_the_file(daemon):
    daemon.file.unlink()
    fails_to_start(daemon, BAD_CONFIG, re.escape(str(daemon.file)))


# ---- a machine that does not let it start ----


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_address_in_use_is_status_3_and_one_sentence(
        daemon, ip, peers, transport):
    peers.udp(ip) if transport == "udp" else peers.listener(ip)
    fails_to_start(daemon, CANNOT_START, re.escape(ip) + ":5060")


def test_an_address_of_another_machine_is_status_3_and_one_sentence(daemon):
    daemon.write({**daemon.conf, "listen": ["udp://192.0.2.4:5060"]})
    fails_to_start(daemon, CANNOT_START, r"192\.0\.2\.4:5060")


def test_an_address_of_another_viaductd_is_in_use_too(daemon, ip, tmp_path):
    """Its sockets are SO_REUSEPORT: without care both would share the calls."""
    daemon.start()
    second = Daemon(tmp_path, config(ip, "biloxi.com"), "second")
    fails_to_start(second, CANNOT_START, re.escape(ip) + ":5060")
    daemon.stop()


def test_a_second_daemon_on_the_same_state_is_status_3(
        daemon, addresses, tmp_path):
    daemon.start()
    second = Daemon(tmp_path, {**config(addresses.take(), "biloxi.com"),
                               "server": daemon.conf["server"]}, "second")
    fails_to_start(second, CANNOT_START, re.escape(str(daemon.dir / "state")))
    daemon.stop()


def test_a_state_directory_that_cannot_be_made_is_status_3(daemon, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    daemon.conf["server"]["state"] = str(in_the_way / "state")
    daemon.write(daemon.conf)
    fails_to_start(daemon, CANNOT_START, re.escape(str(in_the_way)))


def test_the_state_directory_is_made_for_its_owner_alone(daemon):
    daemon.start()
    mode = stat.S_IMODE((daemon.dir / "state").stat().st_mode)
    assert mode == 0o700
    daemon.stop()


# ---- signals ----


def open_call(daemon, ip, peers):
    """Start the daemon and let Bob ring: (proxy address, caller, Bob, INVITE,
    INVITE as Bob got it)."""
    bob, caller = peers.udp(), peers.udp()
    proxy = (ip, 5060)
    daemon.conf["server"]["drain"] = "5s"
    daemon.write({**daemon.conf, "routes": [route("bob", "sip:bob@" + bob.hostport)]})
    daemon.start()
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(invite, proxy)
    got = bob.expect_request("INVITE", invite.call_id)
    bob.reply(got, 180)
    caller.expect_response(invite, 180)
    return proxy, caller, bob, invite, got


def is_refused(caller, proxy, call_id):
    probe = caller.request("OPTIONS", "sip:" + proxy[0], call_id=call_id)
    caller.send(probe, proxy)
    return caller.expect_response(probe).status == 503


def test_sigterm_refuses_new_calls_and_lets_the_open_one_finish(
        daemon, ip, peers):
    proxy, caller, bob, invite, got = open_call(daemon, ip, peers)
    daemon.signal(signal.SIGTERM)
    late = caller.request("INVITE", "sip:bob@biloxi.com")
    wait.until(lambda: is_refused(caller, proxy, late.call_id),
               settings.patience(3), "the drain of the worker that gets the call")
    caller.send(late, proxy)
    refusal = caller.expect_response(late, 503)
    caller.send(build_ack(late, refusal), proxy)
    bob.expect_nothing(late.call_id)

    bob.reply(got, 200)
    caller.expect_response(invite, 200)
    assert daemon.wait_exit(settings.patience(5 + 1)) == OK


def test_sigterm_with_a_call_that_never_ends_exits_after_the_drain_time(
        daemon, ip, peers):
    open_call(daemon, ip, peers)
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit(5 + settings.patience(1)) == OK
    assert time.monotonic() - began > 4.5


def test_a_second_sigterm_ends_it_at_once(daemon, ip, peers):
    open_call(daemon, ip, peers)
    daemon.signal(signal.SIGTERM)
    daemon.expect_log(r"\bdrain")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit(settings.patience(1)) == OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_stops_at_once(daemon, number):
    daemon.conf["server"]["drain"] = "30s"
    daemon.write(daemon.conf)
    daemon.start()
    daemon.signal(number)
    assert daemon.wait_exit(settings.patience(1)) == OK


def test_sigusr1_opens_the_log_file_again(daemon, tmp_path, ip, peers):
    log, old = tmp_path / "viaduct.log", tmp_path / "viaduct.log.1"
    conf = {**daemon.conf, "log": {"level": "info", "to": str(log)},
            "trace": {"level": "summary"}}
    daemon.write(conf)
    daemon.launch()
    wait.until(lambda: log.exists() and "ready" in log.read_text(),
               settings.patience(5), "`ready` in the log file")
    log.rename(old)
    daemon.signal(signal.SIGUSR1)
    wait.until(log.exists, settings.patience(2), "a new log file")
    caller = peers.udp()
    request = caller.request("OPTIONS", "sip:" + ip)
    caller.send(request, (ip, 5060))
    caller.expect_response(request, 200)
    wait.until(lambda: request.call_id in log.read_text(),
               settings.patience(2), "the request in the new log file")
    daemon.stop()


def counters(daemon):
    """What the last line of them says."""
    line = re.findall(r"(?m)^\S+ info stats\b(.*)$", daemon.log())[-1]
    return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", line)}


def test_sigusr1_and_the_end_write_the_counters_of_all_workers(
        daemon, ip, peers):
    daemon.start()
    caller = peers.udp()

    def ask(times):
        for _ in range(times):  # Call-IDs of both workers
            request = caller.request("OPTIONS", "sip:" + ip)
            caller.send(request, (ip, 5060))
            caller.expect_response(request, 200)

    ask(10)
    daemon.signal(signal.SIGUSR1)
    daemon.expect_log(r"info stats\b")
    assert counters(daemon)["messages_in"] == 10
    ask(10)
    daemon.stop()
    told = counters(daemon)
    assert told["messages_in"] == told["messages_out"] == 20
    assert 0 not in told.values()
    assert re.search(r"info stats .*\n.* info stopped\n$", daemon.log())


def test_the_log_can_be_json_one_object_a_line(daemon):
    daemon.write({**daemon.conf, "log": {"level": "debug", "format": "json"},
                  "timers": {"c": "1m"}})
    daemon.start()
    daemon.stop()
    lines = [json.loads(line) for line in said(daemon.log())]
    events = [line["event"] for line in lines]
    assert "conf.warning" in events and "ready" in events


def test_all_of_the_log_is_where_the_configuration_wants_it(daemon):
    daemon.write({**daemon.conf, "log": {"to": "viaduct.log"},
                  "timers": {"c": "1m"}})
    daemon.launch()
    log = daemon.dir / "viaduct.log"
    wait.until(lambda: log.exists() and " ready" in log.read_text(),
               settings.patience(5), "`ready` in the log file")
    daemon.stop()
    assert "conf.warning" in log.read_text()
    assert daemon.log() == ""

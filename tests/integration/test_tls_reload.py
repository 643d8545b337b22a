"""Certificates that change: files that are noticed, SIGHUP, and what neither of
them may cost."""

import os
import resource
import shutil
import signal
import ssl
import time

from lib import settings, wait



def copy_pair(pair, to):
    shutil.copy(pair.key, to.key)
    shutil.copy(pair.certificate, to.certificate)


def shown_by(proxy, secure):
    client = secure.client(proxy)
    proxy.assert_serves(client)
    return client.sock.getpeercert(binary_form=True)


def der(pair):
    return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


def test_changed_files_are_loaded_and_old_connections_go_on(
        start_secure, secure, authority):
    proxy = start_secure()
    old = secure.client(proxy)
    proxy.assert_serves(old)
    next_pair = authority.issue("DNS:biloxi.com", "DNS:new.test")
    expected = der(next_pair)
    copy_pair(next_pair, proxy.pair)
    proxy.daemon.expect_log(r"tls.loaded entry=biloxi", 5)
    assert shown_by(proxy, secure) == expected
    proxy.assert_serves(old)


def test_a_bad_pair_is_reported_and_the_old_one_kept(
        start_secure, secure, authority):
    proxy = start_secure()
    before = der(proxy.pair)
    other = authority.issue("DNS:biloxi.com")
    shutil.copy(other.key, proxy.pair.key)
    proxy.daemon.expect_log(
        r"error tls.failed entry=biloxi .*does not belong to the certificate", 5)
    assert shown_by(proxy, secure) == before
    shutil.copy(other.certificate, proxy.pair.certificate)
    proxy.daemon.expect_log(r"tls.loaded entry=biloxi", 5)
    assert shown_by(proxy, secure) == der(other)
    assert proxy.daemon.log().count("tls.failed") == 1


def limit_descriptors(daemon, soft):
    pid, kind = daemon.process.pid, resource.RLIMIT_NOFILE
    return resource.prlimit(pid, kind, (soft, resource.prlimit(pid, kind)[1]))


def test_what_lacked_a_descriptor_is_loaded_later(start_secure, secure, authority):
    proxy = start_secure()
    other = authority.issue("DNS:biloxi.com")
    soft = resource.prlimit(proxy.daemon.process.pid, resource.RLIMIT_NOFILE)[0]
    limit_descriptors(proxy.daemon, 3)
    try:
        copy_pair(other, proxy.pair)
        proxy.daemon.expect_log(r"error tls.failed entry=biloxi", 5)
        time.sleep(2.5)  # it goes on trying, and does not say so again
        assert proxy.daemon.log().count("tls.failed") == 1
    finally:
        limit_descriptors(proxy.daemon, soft)
    proxy.daemon.expect_log(r"tls.loaded entry=biloxi", 5)
    assert shown_by(proxy, secure) == der(other)


def test_an_entry_that_a_reload_drops_is_watched_while_it_is_shown(
        start_secure, secure, authority):
    proxy = start_secure()
    conf = proxy.daemon.conf
    without = {k: v for k, v in conf.items() if k != "tls"}
    without["listen"] = ["udp://%s:5060" % proxy.ip]
    for i, new in enumerate((without, without, conf), 1):
        proxy.daemon.reload(new)
        wait.until(lambda: proxy.daemon.log().count(" reloaded ") == i,
                   settings.patience(3), "the reload")
        pair = authority.issue("DNS:biloxi.com")
        copy_pair(pair, proxy.pair)
        wait.until(lambda: proxy.daemon.log().count("tls.loaded") == i,
                   settings.patience(5), "the new pair")
        assert shown_by(proxy, secure) == der(pair)
    time.sleep(2.5)  # by one entry, not by two
    assert proxy.daemon.log().count("tls.loaded") == 3


def test_a_link_that_is_replaced_is_noticed(tmp_path, start_secure, secure,
                                            authority):
    """As Kubernetes does it: name -> ..data/name, ..data -> a directory."""
    pairs = [authority.issue("DNS:biloxi.com") for _ in range(2)]
    for i, pair in enumerate(pairs):
        version = tmp_path / ("version%d" % i)
        version.mkdir()
        shutil.copy(pair.certificate, version / "tls.crt")
        shutil.copy(pair.key, version / "tls.key")
    data = tmp_path / "..data"
    data.symlink_to("version0")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to("..data/" + name)
    proxy = start_secure(entry_options={
        "certificate": str(tmp_path / "tls.crt"),
        "key": str(tmp_path / "tls.key")})
    assert shown_by(proxy, secure) == der(pairs[0])
    (tmp_path / "..data_tmp").symlink_to("version1")
    os.rename(tmp_path / "..data_tmp", data)
    proxy.daemon.expect_log(r"tls.loaded entry=biloxi", 5)
    assert shown_by(proxy, secure) == der(pairs[1])


def test_sighup_loads_certificates_all_or_nothing(
        start_secure, secure, authority):
    proxy = start_secure()
    before, other = der(proxy.pair), authority.issue("DNS:biloxi.com")
    conf = proxy.daemon.conf
    good = {**conf, "tls": {"biloxi": proxy.entry(other)}}
    bad = {**conf, "tls": {"biloxi": proxy.entry(
        other, key=str(proxy.pair.key))}}
    assert "reload.failed" in proxy.daemon.reload(bad)
    assert shown_by(proxy, secure) == before
    assert "reloaded" in proxy.daemon.reload(good)
    assert shown_by(proxy, secure) == der(other)


def resident_kib(daemon):
    with open("/proc/%d/status" % daemon.process.pid) as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith("VmRSS"))


def test_a_thousand_reloads_do_not_grow_memory(start_secure, secure,
                                               monkeypatch):
    # one heap: what a thread keeps for itself is no growth
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    proxy = start_secure()
    client = secure.client(proxy)

    done = 0

    def reload(times):
        nonlocal done
        for _ in range(times):
            done += 1
            proxy.daemon.signal(signal.SIGHUP)
            wait.until(lambda: proxy.daemon.log().count(" reloaded ") == done,
                       settings.patience(2), "the next reload")
        assert shown_by(proxy, secure) == der(proxy.pair)
        proxy.assert_serves(client)

    reload(100)
    before = resident_kib(proxy.daemon)
    reload(1000)
    grown = resident_kib(proxy.daemon) - before
    # the ring of the log, which is touched little by little, is 1 MiB
    assert settings.SLOW or grown < 1500, "%d KiB more" % grown

"""Many WebSocket phones that register again and call each other: none fails,
and what it takes. VIADUCT_PHONES and VIADUCT_PHONES_S make it larger."""

import asyncio
import json
import os

import pytest

from lib import settings
from lib.certs import Authority
from lib.daemon import config
from lib.many_phones import Load

DOMAIN = "biloxi.com"
PHONES = int(os.environ.get("VIADUCT_PHONES", 20 if settings.SLOW else 100))
SECONDS = int(os.environ.get("VIADUCT_PHONES_S", 5))
CALLS_PER_S = 4 if settings.SLOW else 20


@pytest.fixture
def daemon(start_daemon, addresses, tmp_path):
    ip, users = addresses.take(), ["user%d" % i for i in range(PHONES)]
    (tmp_path / "users.yaml").write_text(json.dumps({"users": {
        u: {"password": u[::-1]} for u in users}}))
    pair = Authority(tmp_path / "ca").issue("DNS:" + DOMAIN)
    daemon = start_daemon(config(
        ip, DOMAIN, store="memory",
        tls={"site": {"certificate": str(pair.certificate), "key": str(pair.key)}},
        listen=["ws://%s:8080" % ip, {"url": "wss://%s:8443" % ip, "tls": "site"}],
        domains={DOMAIN: {"users_file": str(tmp_path / "users.yaml"),
                          "authenticate": "all"}},
        limits={"connections_per_source": PHONES + 10}))
    daemon.ip, daemon.users = ip, users
    return daemon


@pytest.mark.parametrize("port", [8080, 8443])
def test_phones_register_again_and_call_each_other_and_none_fails(daemon, port):
    async def run():
        load = Load(daemon.ip, port, DOMAIN, daemon.users, port == 8443)
        idle_kib = daemon.rss_kib()
        await load.connect()
        cpu_s = daemon.cpu_s()
        times = await load.run(CALLS_PER_S, SECONDS)
        print("%d phones: %.1f KiB each; %d calls in %d s, CPU %.2f s, set-up "
              "median %.1f ms, slowest %.1f ms" % (
                  PHONES, (daemon.rss_kib() - idle_kib) / PHONES, len(times),
                  SECONDS, daemon.cpu_s() - cpu_s,
                  1e3 * times[len(times) // 2], 1e3 * times[-1]))
        await load.close()
        return times

    times = asyncio.run(run())
    assert len(times) == CALLS_PER_S * SECONDS
    assert times[-1] < settings.patience(0.5)

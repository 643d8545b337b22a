"""Fixtures of every integration test."""

import contextlib
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("lib.endpoint", "lib.inside", "lib.sipp", "lib.daemon")

from lib import settings  # noqa: E402
from lib.addresses import Addresses  # noqa: E402
from lib.certs import Authority  # noqa: E402
from lib.daemon import Daemon  # noqa: E402
from lib.endpoint import TcpListener, TcpPeer, TlsListener, UdpPeer  # noqa: E402
from lib.nsd import Nsd  # noqa: E402
from lib.one_proxy import OneProxy  # noqa: E402
from lib.secure_proxy import SecureProxy  # noqa: E402


def missing_programs():
    programs = [settings.VIADUCTD, "sipp", "nsd", "promtool"]
    return [p for p in programs if not shutil.which(p)]


def pytest_collection_modifyitems(items):
    missing = missing_programs()
    if not missing:
        return
    if settings.NO_SKIP:
        pytest.exit("missing: " + ", ".join(missing), returncode=1)
    for item in items:
        item.add_marker(pytest.mark.skip(reason="missing: " + ", ".join(missing)))


@pytest.fixture(scope="module")
def addresses(request):
    """Loopback addresses of this test module."""
    return Addresses(request.module.__name__)


@pytest.fixture(scope="module")
def module_dir(request, tmp_path_factory):
    return tmp_path_factory.mktemp(request.module.__name__)


@pytest.fixture
def start_daemon(tmp_path):
    """start_daemon(conf, name=...) starts a daemon that is stopped, and judged,
    when the test ends; a test may stop it earlier itself."""
    started = []

    def start(conf, name="viaductd", **options):
        daemon = Daemon(tmp_path, conf, name, **options)
        started.append(daemon)
        return daemon.start()

    yield start
    running = [d for d in started if d.process and d.process.poll() is None]
    try:
        for daemon in running:
            daemon.stop()
    finally:
        for daemon in started:
            daemon.kill()


@pytest.fixture
def start_nsd(tmp_path, addresses):
    """start_nsd(zones) starts a name server that ends with the test."""
    started = []

    def start(zones):
        server = Nsd(tmp_path, addresses.take(), zones)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def proxy(module_dir, addresses):
    """The proxy that most tests of a module share."""
    with OneProxy(module_dir, addresses) as made:
        yield made


@pytest.fixture(scope="module")
def shared_bob(proxy):
    """The Bob of the shared proxy. He may see late packets of earlier tests:
    ask him about a Call-ID."""
    with UdpPeer(proxy.bob_ip) as bob:
        yield bob


@pytest.fixture
def start_proxy(tmp_path, addresses):
    """start_proxy(limits={...}): a proxy with settings of its own, stopped, and
    judged, when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda **sections: stack.enter_context(
            OneProxy(tmp_path, addresses, **sections))


@pytest.fixture
def peers(addresses):
    """Makes peers that are closed when the test ends: peers.udp(),
    peers.tcp(to), peers.listener(); `ip` defaults to a fresh stranger's."""
    made = []

    class Peers:
        @staticmethod
        def keep(peer):
            made.append(peer)
            return peer

        def udp(self, ip=None, port=5060):
            return self.keep(UdpPeer(ip or addresses.take(), port))

        def tcp(self, to, ip=None, **options):
            return self.keep(TcpPeer.connect(ip or addresses.take(), to, **options))

        def listener(self, ip=None, port=5060):
            return self.keep(TcpListener(ip or addresses.take(), port))

    yield Peers()
    for peer in made:
        peer.close()


@pytest.fixture(scope="module")
def authority(module_dir):
    return Authority(module_dir / "ca")


@pytest.fixture(scope="module")
def stranger(module_dir):
    """An authority that nobody believes."""
    return Authority(module_dir / "stranger", "Unknown CA")


@pytest.fixture
def start_secure(tmp_path, addresses, authority):
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            SecureProxy(tmp_path, addresses, authority, **options))


@pytest.fixture
def secure(addresses, peers):
    """secure.client(proxy, ...), secure.server(ip, context): closed at the end."""
    class Secure:
        def client(self, proxy, context=None, ip=None, **options):
            return peers.keep(proxy.connect(ip or addresses.take(), context,
                                            **options))

        def server(self, ip, context, port=5061):
            return peers.keep(TlsListener(ip, context, port))

    return Secure()


@pytest.fixture
def phones(peers, addresses):
    """phones(kind, proxy): a peer of that kind."""
    def make(kind, proxy, ip=None):
        ip = ip or addresses.take()
        made = (kind.connect(ip, proxy.address) if issubclass(kind, TcpPeer)
                else kind(ip, 40001))
        return peers.keep(made)
    return make


def pytest_report_header():
    return "viaductd: %s%s" % (" ".join(settings.WRAPPER + [""]), settings.VIADUCTD)

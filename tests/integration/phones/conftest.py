"""Fixtures of the tests with real phones. One browser, one daemon and one web
server serve a module; each test has profiles and pages of its own."""

import contextlib
import functools
import http.server
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("clients")

from browser import BUILT, Browser  # noqa: E402
from clients import KINDS  # noqa: E402
from domain import DOMAIN, PASSWORDS, Domain  # noqa: E402
from lib.baresip import Baresip  # noqa: E402
from linphone import Linphone  # noqa: E402


@pytest.fixture(scope="session")
def pages():
    """The URL below which the pages lie. 127.0.0.0/8 is a secure context."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=BUILT / "www"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://127.0.0.1:%d" % server.server_port
    server.shutdown()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("browser") / "console.log")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def domain(request, module_dir, addresses):
    """With the sections of configuration that the module's CONFIG adds."""
    made = Domain(module_dir, addresses, **getattr(request.module, "CONFIG", {}))
    try:
        made.daemon.start()
        yield made
        made.daemon.stop()
    finally:
        made.daemon.kill()


@pytest.fixture
def phones(browser, domain, pages, tmp_path):
    """Makes phones that are gone, and known to nobody, when the test ends."""
    with contextlib.ExitStack() as stack:
        yield Phones(browser, domain, pages, tmp_path, stack)


@pytest.fixture
def start_domain(phones, tmp_path, addresses):
    """A domain of this test alone takes the place of the shared one."""
    def start(**sections):
        made = Domain(tmp_path / "own", addresses, **sections)
        phones.stack.callback(made.daemon.kill)
        made.daemon.start()
        phones.domain = made
        return made

    return start


class Phones:
    def __init__(self, browser, domain, pages, directory, stack):
        self.browser, self.domain, self.pages = browser, domain, pages
        self.dir, self.stack = directory, stack

    def context(self, **options):
        made = self.browser.context(**{"ignoreHTTPSErrors": True, **options})
        self.stack.callback(made.close)
        return made

    def timeless(self):
        """A context whose pages can be sent forward."""
        made = self.context()
        made.fake_clock()
        return made

    def open(self, kind, scheme="ws", context=None):
        """Not signed in yet."""
        page = (context or self.context()).page("%s/%s/" % (self.pages, kind))
        return KINDS[kind](page, self.domain.server(scheme))

    def ready(self, kind, user, scheme="ws", context=None, **options):
        phone = self.open(kind, scheme, context)
        assert phone.register(user, PASSWORDS[user], **options) == 200
        return phone

    def baresip(self, user, transport="udp", **options):
        """Signed in."""
        directory = self.dir / user
        directory.mkdir()
        port = 5061 if transport == "tls" else 5060
        phone = Baresip(directory, user, DOMAIN, PASSWORDS[user],
                        self.domain.addresses.take(), (self.domain.ip, port),
                        transport, **options)
        self.stack.callback(phone.kill)
        phone.start()
        self.stack.callback(phone.stop)
        return phone

    def linphone(self, user, transport="udp", **options):
        """Signed in."""
        phone = self.signing_in(user, PASSWORDS[user], transport, **options)
        phone.expect_registration()
        self.stack.callback(phone.stop)
        return phone

    def signing_in(self, user, password, transport="udp", **options):
        """A Linphone that may not succeed."""
        port = 5061 if transport == "tls" else 5060
        phone = Linphone(self.dir, user, DOMAIN, password, (self.domain.ip, port),
                         transport, self.domain.ca, **options)
        self.stack.callback(phone.kill)
        return phone.launch()

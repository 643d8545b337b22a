"""The section `tls` as --check sees it: every mistake with its place, and what is
right passes."""

import pytest

from lib import daemon

TEXT = """\
server: {{ state: {dir}/state }}
listen:
  - udp://127.0.0.1
  - url: tls://127.0.0.1
    tls: {name}
domains: {{ biloxi.com: {{ authenticate: none }} }}
tls:
  biloxi:
    certificate: {certificate}
    key: {key}
    ca: {ca}
"""


@pytest.fixture
def check(tmp_path, authority):
    """check(ca=..., more="") -> (exit status, what was said)."""
    pair = authority.issue("DNS:biloxi.com")
    (tmp_path / "junk.pem").write_text("junk\n")

    def run(more="", text=TEXT, **parts):
        values = {"dir": tmp_path, "name": "biloxi", "ca": authority.path,
                  "certificate": pair.certificate, "key": pair.key, **parts}
        path = tmp_path / "viaduct.yaml"
        path.write_text(text.format(**values) + more)
        done = daemon.run("--check", "-c", "viaduct.yaml", cwd=tmp_path)
        return done.returncode, done.stderr

    return run


def test_a_good_section_passes(check):
    assert check() == (0, "")


@pytest.mark.parametrize("parts, place, what", [
    ({"certificate": "none.pem"}, "9:18: tls.biloxi.certificate",
     "none.pem: No such file or directory"),
    ({"certificate": "junk.pem"}, "9:18: tls.biloxi.certificate",
     "junk.pem: no certificate in PEM form"),
    ({"key": "none.pem"}, "10:10: tls.biloxi.key", "No such file"),
    ({"key": "junk.pem"}, "10:10: tls.biloxi.key", "no key in PEM form"),
    ({"ca": "none.pem"}, "11:9: tls.biloxi.ca", "No such file"),
    ({"ca": "junk.pem"}, "11:9: tls.biloxi.ca", "no certificates in PEM form"),
    ({"name": "bilxi"}, "5:10: listen[1].tls",
     'there is no "bilxi" in tls (did you mean "biloxi")'),
    ({"name": "[ biloxi, other ]"}, "5:20: listen[1].tls",
     'there is no "other" in tls'),
])
def test_a_mistake_is_told_with_its_place(check, parts, place, what):
    status, said = check(**parts)
    assert status == 1
    line, = said.splitlines()
    assert line.startswith("viaduct.yaml:" + place + ": "), line
    assert what in line


def test_a_key_of_another_certificate(check, authority):
    status, said = check(key=authority.issue("DNS:biloxi.com").key)
    assert status == 1
    assert said.startswith("viaduct.yaml:10:10: tls.biloxi.key: ")
    assert "this key does not belong to the certificate" in said


def test_an_expired_certificate_is_a_warning(check, authority):
    pair = authority.issue("DNS:biloxi.com", days=-1)
    status, said = check(certificate=pair.certificate, key=pair.key)
    assert status == 0
    assert "warning conf.warning" in said and "it has expired" in said


@pytest.mark.parametrize("more, what", [
    ("    verify_server: nam\n", 'nam is not known; none, chain or name (did you mean "name")'),
    ("    min_version: 1.1\n", "1.2 or 1.3"),
    ("    certificat: x\n", "certificat: unknown key"),
])
def test_words_that_do_not_exist(check, more, what):
    status, said = check(more)
    assert status == 1 and what in said, said


def test_the_ca_is_not_read_where_nobody_is_verified(check):
    assert check("    verify_server: none\n", ca="none.pem") == (0, "")


@pytest.mark.parametrize("listen, what", [
    ("tls://127.0.0.1", "needs `tls`"),
    ("{{ url: \"udp://127.0.0.1:5070\", tls: biloxi }}", "is not TLS, and has `tls`"),
    ("{{ url: \"tsl://127.0.0.1\", tls: biloxi }}", 'no transport "tsl"'),
])
def test_listeners(check, listen, what):
    status, said = check(text=TEXT.replace("udp://127.0.0.1", listen))
    assert status == 1 and what in said, said


def test_all_mistakes_are_told_in_one_run(check):
    status, said = check(key="none.pem", name="other")
    assert status == 1
    assert len(said.splitlines()) == 2

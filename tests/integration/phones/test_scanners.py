"""What is used to find out who has an account here: to a stranger, a name that
exists and one that does not are the same."""

import re
import subprocess

import pytest

from lib import settings

EXISTING, UNKNOWN = "alice", "zebulon"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=settings.patience(20))
    return done.stdout + done.stderr


def statuses(text):
    return re.findall(r"SIP/2\.0 (\d\d\d[^\r\n]*)", text)


@pytest.mark.parametrize("options", [["-U"], ["-U", "-a", "guess"]],
                         ids=["no password", "a guess"])
def test_sipsak_gets_the_same_answers(domain, options):
    def ask(user):
        return statuses(run("sipsak", "-vvv", *options, "-s",
                            "sip:%s@%s" % (user, domain.ip)))

    assert ask(EXISTING) == ask(UNKNOWN) != []


# OPTIONS and INVITE come from an address of ours here; who calls in from
# elsewhere is told 404 or 480, as any caller is.
@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
def test_svwar_finds_nobody(domain, method, force, tmp_path):
    names = tmp_path / "names"
    names.write_text("".join(n + "\n" for n in (EXISTING, UNKNOWN, "bob", "yolanda")))
    said = run("svwar", "-d", str(names), "-m", method, "--domain", "biloxi.com",
               *force, domain.ip)
    assert "found nothing" in said
    assert "authentication request" in said or "SIP/2.0 40" in said # it was heard

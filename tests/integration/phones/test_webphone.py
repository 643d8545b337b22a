"""The web phone beyond calls that succeed: several tabs, lost connections, what
is remembered, what its user reads."""

import pytest

from browser import Browser
from domain import DOMAIN, PASSWORDS, Domain

LINE = 'document.querySelector("#line").dataset.state === %r'


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


def is_shown(page, at):
    return page.eval("!document.querySelector(%r).hidden" % at)


def test_two_tabs_ring_one_answers_and_the_other_stops(phones):
    context = phones.context()
    tabs = [phones.ready("webphone", "bob", context=context) for _ in range(2)]
    alice = phones.ready("webphone", "alice")
    alice.dial("bob")
    for tab in tabs:
        tab.expect("incoming")
    tabs[1].answer()
    tabs[0].expect_ended()
    tabs[0].expect_text("#log li .note", "Answered in another tab")
    alice.expect("talking")
    tabs[1].expect("talking")
    alice.page.hears()
    tabs[1].hang_up()
    alice.expect_ended()


def test_declined_in_one_tab_it_rings_in_none(phones):
    context = phones.context()
    tabs = [phones.ready("webphone", "bob", context=context) for _ in range(2)]
    alice = phones.ready("webphone", "alice")
    alice.dial("bob")
    for tab in tabs:
        tab.expect("incoming")
    tabs[0].refuse(603)
    alice.expect_refused(603)
    tabs[0].expect_text("#log li .note", "Declined")
    tabs[1].expect_text("#log li .note", "Declined in another tab")


def test_who_gives_up_leaves_a_missed_call(phones):
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    alice.cancel()
    bob.expect_text("#log li .note", "Missed call")
    alice.expect_text("#log li .note", "Cancelled.")


def test_who_talks_is_busy(phones):
    alice, bob = phones.ready("webphone", "alice"), phones.ready("sipjs", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    bob.answer()
    alice.expect("talking")
    carol = phones.ready("webphone", "carol")
    carol.dial("alice")
    carol.expect_refused(486)
    assert is_shown(carol.page, "#notice")
    alice.expect("talking")


def test_mute_sends_silence(phones):
    alice, bob = phones.ready("webphone", "alice"), phones.ready("sipjs", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    bob.answer()
    alice.expect("talking")
    bob.page.hears()
    alice.page.do("click", at="#mute")
    alice.expect_text("#call-state", "Muted")
    assert alice.page.eval(
        "window.connections[0].getSenders()[0].track.enabled") is False
    alice.page.do("click", at="#mute")
    alice.expect_text("#call-state", "Connected")
    bob.page.hears()


def test_a_reload_ends_the_call_and_signs_in_again_if_told_to(phones):
    alice = phones.ready("webphone", "alice", remember=True)
    bob = phones.ready("webphone", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    bob.answer()
    bob.expect("talking")
    alice.page.do("reload")
    bob.expect_ended()
    alice.page.wait(LINE % "ready")
    bob.dial("alice")
    alice.expect("incoming")


def test_a_password_is_forgotten_unless_asked_for(phones):
    alice = phones.ready("webphone", "alice")
    stored = "JSON.stringify(localStorage)"
    assert PASSWORDS["alice"] not in alice.page.eval(stored)
    alice.page.do("reload")
    alice.page.wait('document.activeElement.id === "password"')
    assert alice.page.eval('document.querySelector("#server").value') == alice.server
    alice.register("alice", PASSWORDS["alice"], remember=True)
    assert PASSWORDS["alice"] in alice.page.eval(stored)
    alice.page.do("click", at="#sign-out")
    assert PASSWORDS["alice"] not in alice.page.eval(stored)


def test_a_password_does_not_go_to_a_server_that_a_link_names(phones):
    context = phones.context()
    phones.ready("webphone", "alice", context=context, remember=True)
    page = context.page("%s/webphone/?account=alice@%s&server=ws://127.0.0.1:9" % (
        phones.pages, DOMAIN))
    page.wait('document.activeElement.id === "password"')
    assert page.eval('document.querySelector("#password").value') == ""


def test_a_refused_certificate_is_told_with_its_page(phones):
    page = phones.context(ignoreHTTPSErrors=False).page(phones.pages + "/webphone/")
    alice = type(phones.open("webphone"))(page, phones.domain.server("wss"))
    alice.sign_in("alice", PASSWORDS["alice"])
    alice.page.wait('/certificate was refused/.test('
                    'document.querySelector("#notice-text").textContent)')
    assert alice.text("#notice-link") == (
        alice.server.replace("wss:", "https:") + "/")


def test_a_lost_connection_is_told_and_comes_back(phones, start_domain):
    own = start_domain()
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    own.daemon.kill()
    for phone in (alice, bob):
        phone.page.wait(LINE % "waiting")
        assert is_shown(phone.page, "#retry")
    own.daemon.log_file.write_text("") # its `ready` is waited for
    own.daemon.start()
    for phone in (alice, bob):
        phone.page.wait(LINE % "ready", 30)
    alice.dial("bob")
    bob.expect("incoming")


def test_it_answers_sha_256(phones, start_domain):
    start_domain(auth={"algorithms": ["SHA-256"]})
    assert phones.open("webphone").register("alice", "wrong") == 401
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    assert alice.send("bob", "hello") == 200
    bob.expect_message("hello")


def test_two_browsers_on_a_machine_without_network_hear_each_other(
        phones, tmp_path):
    phones.browser = Browser(tmp_path / "console.log",
                             ["--allow-loopback-in-peer-connection"])
    phones.stack.callback(phones.browser.stop)
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    bob.answer()
    for phone in (alice, bob):
        phone.expect("talking")
        phone.page.hears()
    assert "127.0.0.1" in alice.page.eval(
        "window.connections[0].localDescription.sdp")


def test_all_of_a_call_by_keyboard(phones):
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    alice.page.do("type", text="bob") # where the focus is after signing in
    alice.page.do("press", key="Enter")
    bob.expect("incoming")
    bob.page.do("press", key="Tab")
    assert bob.page.eval("document.activeElement.id") == "answer"
    bob.page.do("press", key="Enter")
    alice.expect("talking")
    for _ in range(3):
        alice.page.do("press", key="Tab")
    assert alice.page.eval("document.activeElement.id") == "hang-up"
    alice.page.do("press", key="Enter")
    bob.expect_ended()

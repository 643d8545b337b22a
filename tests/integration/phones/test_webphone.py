"""The web phone beyond calls that succeed: several tabs, lost connections, what
is remembered, what its user reads."""

from browser import Browser
from clients import talk
from domain import DOMAIN, PASSWORDS


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
    assert carol.is_shown("#notice")
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
    alice.expect_line("ready")
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
    talk(alice, bob)
    assert "127.0.0.1" in alice.page.eval(
        "window.connections[0].localDescription.sdp")

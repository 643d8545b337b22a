"""The web phone when something is amiss: certificates, passwords, microphones,
servers that go away. Its user is told what, and nobody is left in a call alone."""

import json
import signal

import pytest

from browser import Browser
from clients import talk
from domain import PASSWORDS


NO_LINE = "There is no connection to the server now."


def two_who_talk(phones):
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    talk(alice, bob)
    return alice, bob


def restart(domain):
    domain.daemon.kill()
    domain.daemon.log_file.write_text("") # its `ready` is waited for
    domain.daemon.start()


def test_a_lost_connection_is_told_and_comes_back(phones, start_domain):
    own = start_domain()
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    own.daemon.kill()
    for phone in (alice, bob):
        phone.expect_line("waiting")
        assert phone.is_shown("#retry")
    alice.dial("bob")
    alice.expect_text("#notice-text", NO_LINE)
    alice.page.do("fill", at="#text", text="Are you there?")
    alice.page.do("click", at="#send")
    alice.expect_text("#notice-text", NO_LINE)
    assert alice.page.eval("document.querySelector('#text').value") # not lost
    restart(own)
    for phone in (alice, bob):
        phone.expect_line("ready", 30)
    alice.dial("bob")
    bob.expect("incoming")


def test_a_refused_certificate_is_told_with_its_page(phones):
    page = phones.context(ignoreHTTPSErrors=False).page(phones.pages + "/webphone/")
    alice = type(phones.open("webphone"))(page, phones.domain.server("wss"))
    alice.sign_in("alice", PASSWORDS["alice"])
    alice.page.wait('/certificate was refused/.test('
                    'document.querySelector("#notice-text").textContent)')
    assert alice.text("#notice-link") == (
        alice.server.replace("wss:", "https:") + "/")



@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_outlasts_a_restart_and_is_hung_up_after_it(phones, start_domain, who):
    own = start_domain()
    alice, bob = two_who_talk(phones)
    restart(own)
    for phone in (alice, bob):
        phone.expect_line("ready", 30)
        phone.expect("talking")
        phone.page.hears()
    (alice if who == "caller" else bob).hang_up()
    for phone in (alice, bob):
        phone.expect_ended()


def test_who_hung_up_meanwhile_says_so_when_the_server_is_back(phones, start_domain):
    own = start_domain()
    alice, bob = two_who_talk(phones)
    own.daemon.kill()
    for phone in (alice, bob):
        phone.expect_line("waiting")
    alice.hang_up()
    alice.expect_ended()
    bob.expect("talking")
    restart(own)
    bob.page.wait("/^alice hung up/.test("
                  "document.querySelector('#log li .note')?.textContent)", 30)


def test_who_is_heard_no_more_is_gone(phones, start_domain):
    own = start_domain()
    alice, bob = two_who_talk(phones)
    own.daemon.kill()
    bob.expect_line("waiting")
    bob.page.context.close() # its BYE is lost
    alice.expect_text("#notice-text", "The connection to bob was lost.", 60)
    alice.expect_ended()


def test_a_server_that_is_silent_keeps_nobody_in_a_call(phones, start_domain):
    own = start_domain()
    alice = phones.ready("webphone", "alice")
    own.daemon.signal(signal.SIGSTOP)
    alice.dial("bob")
    alice.page.wait("window.sent.includes('INVITE')")
    alice.cancel()
    alice.expect_text("#log li .note", "Cancelled.")
    alice.expect_ended()
    own.daemon.signal(signal.SIGCONT)


def test_a_call_that_ends_between_two_tries_to_hold_it_ends_once(phones):
    alice = phones.ready("webphone", "alice", context=phones.timeless())
    bob = phones.ready("sipjs", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    bob.answer()
    alice.expect("talking")
    bob.page.eval("window.lost = ['ACK']")
    alice.page.eval("window.sent.length = 0")
    bob.page.eval("void phone.hold(true)") # without its ACK it stays under way
    alice.page.wait("window.sent.includes('SIP/2.0')")
    alice.page.do("click", at="#hold")
    alice.hang_up()
    alice.expect_ended()
    alice.page.forward(3)
    assert alice.page.eval("document.querySelectorAll('#log li').length") == 1


def test_a_ping_without_an_answer_is_a_lost_connection(phones, start_domain):
    own = start_domain()
    alice = phones.ready("webphone", "alice", context=phones.timeless())
    alice.page.forward(35)
    alice.page.wait("window.pongs > 0")
    alice.page.forward(15)
    alice.expect_line("ready")
    own.daemon.signal(signal.SIGSTOP)
    alice.page.forward(35)
    alice.page.forward(15)
    alice.expect_line("waiting", 20)
    own.daemon.signal(signal.SIGCONT)
    alice.expect_line("ready", 40)


def test_it_pings_as_often_as_the_server_asks(phones, start_domain):
    start_domain(registrar={"flow_timer": "4s"}) # 5 s of silence, and it is gone
    alice = phones.ready("webphone", "alice")
    alice.page.wait("window.pongs >= 2", 15)
    alice.expect_line("ready")
    assert alice.page.eval("window.sockets") == 1


def test_a_server_that_wants_longer_registrations_gets_them(phones, start_domain):
    start_domain(registrar={"min_expires": "1h"})
    phones.ready("webphone", "alice")


def test_a_wrong_password_is_not_kept(phones):
    alice = phones.open("webphone")
    assert alice.register("alice", "wrong", remember=True) == 401
    assert "wrong" not in json.loads(alice.page.eval("JSON.stringify(localStorage)"))[
        "viaduct-webphone"]
    alice.page.do("reload")
    alice.page.wait('document.activeElement.id === "password"')
    assert alice.page.eval("document.querySelector('#notice').hidden")


@pytest.mark.parametrize("flags, without, words", [
    (["--deny-permission-prompts"], ["--use-fake-ui"],
     "The microphone is blocked. Allow it in the browser's address bar."),
    ([], ["--use-fake-device"], "No microphone was found."),
], ids=["refused", "missing"])
def test_without_a_microphone_its_user_is_told(phones, tmp_path, flags, without, words):
    bob = phones.ready("sipjs", "bob")
    phones.browser = Browser(tmp_path / "console.log", flags, without)
    phones.stack.callback(phones.browser.stop)
    alice = phones.ready("webphone", "alice")
    alice.dial("bob")
    alice.expect_text("#log li:last-child .note", words)
    alice.page.do("click", at="#notice-close")
    bob.dial("alice")
    alice.expect("incoming")
    alice.answer()
    alice.expect_text("#notice-text", words)
    bob.expect_refused(480)


def test_who_hangs_up_before_it_is_lent_gives_the_microphone_back(phones):
    alice = phones.ready("webphone", "alice")
    alice.page.eval("""(() => {
        const devices = navigator.mediaDevices, real = devices.getUserMedia;
        devices.getUserMedia = async (...args) => {
            const stream = await real.apply(devices, args);
            window.lent = stream.getTracks();
            await new Promise((later) => { window.lend = later; });
            return stream;
        };
    })()""")
    alice.dial("bob")
    alice.page.wait("'lend' in window")
    alice.hang_up()
    alice.expect_ended()
    alice.page.eval("window.lend()")
    alice.page.wait("window.lent.every((track) => track.readyState === 'ended')")


def test_nobody_answers_for_a_minute(phones):
    alice = phones.ready("webphone", "alice", context=phones.timeless())
    bob = phones.ready("webphone", "bob")
    alice.dial("bob")
    bob.expect("incoming")
    alice.expect("ringing")
    alice.page.forward(61)
    alice.expect_text("#notice-text", "No answer from bob.")
    bob.expect_text("#log li .note", "Missed call")


def test_a_second_call_is_busy_and_missed(phones):
    alice, _ = two_who_talk(phones)
    carol = phones.ready("webphone", "carol")
    carol.dial("alice")
    carol.expect_refused(486)
    alice.expect_text("#log li .note", "Missed: you were in a call")
    alice.expect("talking")


def test_who_calls_himself_is_told(phones):
    alice = phones.ready("webphone", "alice")
    alice.dial("alice")
    alice.expect_text("#notice-text", "That is you, and no other phone of yours answered.")
    alice.expect_ended()


def test_who_goes_away_and_back_has_left_the_call(phones):
    alice, bob = two_who_talk(phones)
    alice.page.do("go", url="about:blank")
    bob.expect_ended()
    alice.page.do("back")
    alice.page.wait("document.readyState === 'complete'")
    assert alice.page.eval("document.querySelector('#call').hidden")

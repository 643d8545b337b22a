"""What the web phone shows and sounds, and how one gets on without a mouse."""

import pytest

from browser import Browser
from clients import call
from lib.endpoint import UdpPeer

EVIL = "<img src=x onerror=window.evil=1>"
# A small screen; the same with letters twice as large.
SMALL = {"width": 360, "height": 740}
LARGE_LETTERS = "--blink-settings=defaultFontSize=32"


def write_to_bob(stranger, proxy, text, **fields):
    message = stranger.request("MESSAGE", "sip:bob@biloxi.com", body=text.encode(),
                               **fields).replace("Content-Type", "text/plain")
    stranger.send(message, proxy)
    stranger.expect_response(message, 200)


def test_both_sides_ring_until_it_is_answered(phones):
    alice, bob = (phones.ready("webphone", user, context=phones.timeless())
                  for user in ("alice", "bob"))
    call(alice, bob)
    for phone in (alice, bob):
        phone.page.wait("window.tones > 0")
    bob.answer()
    for phone in (alice, bob):
        phone.expect("talking")
        before = phone.page.eval("window.tones")
        phone.page.forward(10) # two rings would be due
        assert phone.page.eval("window.tones") == before
    alice.page.wait(
        "/^0:1\\d$/.test(document.querySelector('#call-timer').textContent)")


def test_until_it_is_touched_a_page_says_that_it_is_silent(phones, tmp_path):
    phones.browser = Browser(tmp_path / "console.log",
                             without=["--autoplay-policy"])
    phones.stack.callback(phones.browser.stop)
    bob = phones.ready("webphone", "bob", remember=True)
    assert not bob.is_shown("#silent")
    bob.page.do("reload")
    bob.expect_line("ready")
    assert bob.is_shown("#silent")
    alice = phones.ready("webphone", "alice")
    call(alice, bob)
    assert bob.page.eval("window.tones") == 0
    bob.page.do("press", key="Shift")
    bob.page.wait("window.tones > 0")
    assert not bob.is_shown("#silent")


def test_what_strangers_send_is_text(phones):
    bob = phones.ready("webphone", "bob")
    with UdpPeer(phones.domain.addresses.take()) as stranger:
        proxy = (phones.domain.ip, 5060)
        who = '"%s" <sip:%%3Cimg%%20src=x%%20onerror=window.evil=1%%3E@evil.com>;tag=1' % EVIL
        write_to_bob(stranger, proxy, EVIL, from_=who)
        bob.expect_message(EVIL)
        assert bob.text("#log .name") == EVIL + "@evil.com"

        invite = stranger.request("INVITE", "sip:bob@biloxi.com", from_=who)
        stranger.send(invite, proxy)
        bob.expect("incoming")
        assert bob.text("#call-name") == EVIL + "@evil.com"
        assert bob.page.eval("document.title") == EVIL + "@evil.com is calling"
        cancel = stranger.request(
            "CANCEL", "sip:bob@biloxi.com", via=invite.get("Via"), from_=who,
            call_id=invite.call_id, extra=[("Reason", 'SIP;text="%s"' % EVIL)])
        stranger.send(cancel, proxy)
        bob.expect_ended()
    bob.expect_text("#log li:last-child .note", "Missed call")
    assert bob.page.eval("document.querySelectorAll('main img').length") == 0
    assert bob.page.eval("'evil' in window") is False


def test_the_log_keeps_what_is_new(phones):
    bob = phones.ready("webphone", "bob")
    with UdpPeer(phones.domain.addresses.take()) as stranger:
        for n in range(205):
            write_to_bob(stranger, (phones.domain.ip, 5060), str(n))
    bob.expect_message("204")
    assert bob.page.eval("document.querySelectorAll('#log li').length") == 200
    assert bob.text("#log .text") == "5"


# Of each element that shows text; "" where all are whole.
CUT_OFF = """[...document.querySelectorAll("main *, header *")].filter((e) =>
    e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.id || e.className || e.tagName).join()"""


@pytest.mark.parametrize("flags", [[], [LARGE_LETTERS]], ids=["", "large letters"])
def test_nothing_is_cut_off_on_a_small_screen(phones, tmp_path, flags):
    phones.browser = Browser(tmp_path / "console.log", flags)
    phones.stack.callback(phones.browser.stop)
    alice = phones.open("webphone", context=phones.context(viewport=SMALL))
    assert alice.page.eval(CUT_OFF) == ""
    assert alice.register("alice", "wrong") == 401
    assert alice.page.eval(CUT_OFF) == ""
    assert alice.register("alice", "wonderland") == 200
    bob = phones.ready("webphone", "bob", context=phones.context(viewport=SMALL))
    call(alice, bob)
    for phone in (alice, bob):
        assert phone.page.eval(CUT_OFF) == ""
    bob.answer()
    alice.expect("talking")
    bob.send("alice", "w" * 300)
    alice.expect_message("w" * 300)
    assert alice.page.eval(CUT_OFF) == ""
    alice.hang_up()
    bob.expect_ended()
    alice.dial("a.very.long.name.of.somebody@some.very.long.domain.example")
    alice.expect_ended()
    assert alice.page.eval(CUT_OFF) == ""


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


def test_an_incoming_call_is_said_and_does_not_disturb_who_writes(phones):
    alice, bob = phones.ready("webphone", "alice"), phones.ready("webphone", "bob")
    bob.page.do("fill", at="#text", text="I was just")
    call(alice, bob)
    assert bob.focus() == "text"
    assert bob.text("#spoken") == "alice is calling"
    alice.cancel()
    bob.expect_ended()
    assert bob.text("#spoken") == ""


def test_the_focus_stays_where_one_can_go_on(phones):
    alice = phones.ready("webphone", "alice")
    alice.dial("nobody")
    alice.expect_refused(404)
    alice.page.do("focus", at="#notice-close")
    alice.page.do("press", key="Enter")
    assert not alice.is_shown("#notice")
    assert alice.focus() == "to"

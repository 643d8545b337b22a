"""The phones of a browser, all with the same verbs: bare ones on SIP.js and on
JsSIP, and the web phone, whose verbs are clicks and what its user can read."""

import json

from domain import DOMAIN


def js(function, *args):
    return "%s(%s)" % (function, ", ".join(map(json.dumps, args)))


def uri(user):
    return "sip:%s@%s" % (user, DOMAIN)


def call(alice, bob):
    """Alice calls Bob, until both know."""
    alice.dial("bob")
    bob.expect("incoming")
    alice.expect("ringing")


def talk(alice, bob):
    """Alice calls Bob, until both hear each other."""
    call(alice, bob)
    bob.answer()
    for phone in (alice, bob):
        phone.expect("talking")
        phone.page.hears()


class Bare:
    """pages/sipjs.js or pages/jssip.js."""

    def __init__(self, page, server):
        self.page, self.server = page, server

    def register(self, user, password):
        """The final status."""
        return self.page.eval(js("phone.register", {
            "server": self.server, "user": user, "password": password,
            "domain": DOMAIN}))

    def expect(self, state, seconds=10):
        self.page.wait("phone.state === %r" % state, seconds)

    def dial(self, user):
        self.page.eval(js("phone.call", uri(user)))

    def answer(self):
        self.page.eval("phone.answer()")

    def refuse(self, status):
        self.page.eval(js("phone.refuse", status))

    def cancel(self):
        self.page.eval("phone.cancel()")

    def hang_up(self):
        self.page.eval("phone.bye()")

    def hold(self, is_held):
        """Once more while the other side's is under way: RFC 3261 14.1."""
        self.page.wait(js("phone.hold", is_held) +
                       ".then((status) => status === 200, () => false)")

    def expect_refused(self, status):
        self.expect("ended")
        assert self.page.eval("phone.status") == status

    def expect_ended(self):
        self.expect("ended")

    def send(self, user, text):
        """The final status."""
        return self.page.eval(js("phone.message", uri(user), text))

    def expect_message(self, text):
        assert self.page.wait("phone.inbox.shift()") == text


class WebPhone:
    """contrib/webphone."""

    WORDS = {"incoming": "Incoming call", "ringing": "Ringing\u2026",
             "calling": "Calling\u2026", "talking": "Connected"}
    REFUSED = {404: "Nobody here is called %s.", 480: "%s is not signed in, or cannot answer.",
               486: "%s is busy.", 603: "%s declined."}

    def __init__(self, page, server):
        self.page, self.server = page, server
        self.user = self.peer = None

    def sign_in(self, user, password, remember=False):
        self.user = user
        for at, text in [("#account", "%s@%s" % (user, DOMAIN)),
                         ("#server", self.server), ("#password", password)]:
            self.page.do("fill", at=at, text=text)
        if remember:
            self.page.do("click", at="#remember")
        self.page.do("click", at="#sign-in .primary")

    def register(self, user, password, **options):
        """200, or 401 where its user reads that the password is wrong."""
        self.sign_in(user, password, **options)
        return self.page.wait("""
            document.querySelector("#line").dataset.state === "ready" ? 200 :
            document.querySelector("#notice-text").textContent ===
                "The account or the password is wrong." ? 401 : 0""")

    def expect_line(self, state, seconds=10):
        self.page.wait("document.querySelector('#line').dataset.state === %r" % state,
                       seconds)

    def is_shown(self, at):
        return self.page.eval("!document.querySelector(%r).hidden" % at)

    def focus(self):
        """The id of what has it."""
        return self.page.eval("document.activeElement.id")

    def text(self, at):
        return self.page.eval(
            "document.querySelector(%s).textContent" % json.dumps(at))

    def expect_text(self, at, text, seconds=10):
        self.page.wait("document.querySelector(%s)?.textContent === %s" % (
            json.dumps(at), json.dumps(text)), seconds)

    def expect(self, state, seconds=10):
        if state == "ended":
            self.page.wait('document.querySelector("#call").hidden', seconds)
        else:
            self.expect_text("#call-state", self.WORDS[state], seconds)

    def dial(self, user):
        self.peer = user
        self.page.do("fill", at="#to", text=user)
        self.page.do("press", key="Enter")

    def answer(self):
        self.page.do("click", at="#answer")

    def refuse(self, status):
        assert status == 603 # what its button means
        self.page.do("click", at="#decline")

    def cancel(self):
        self.page.do("click", at="#hang-up")

    hang_up = cancel

    def hold(self, is_held):
        self.page.do("click", at="#hold")
        self.expect_text("#call-state", "On hold" if is_held else "Connected")

    def expect_ended(self):
        self.expect("ended")

    def expect_refused(self, status):
        self.expect_text("#log li:last-child .note",
                         self.REFUSED[status] % self.peer)
        self.expect("ended")

    def send(self, user, text):
        """200, or what the page says of it."""
        self.page.do("fill", at="#to", text=user)
        self.page.do("fill", at="#text", text=text)
        self.page.do("click", at="#send")
        note = self.page.wait("""(() => {
            const last = document.querySelector("#log li.out:last-of-type .note");
            return !/Sending/.test(last?.textContent) && last?.textContent;
        })()""")
        return 200 if note == "Delivered" else note

    def expect_message(self, text):
        self.page.wait("document.querySelector('#log li.in:last-of-type .text')"
                       "?.textContent === " + json.dumps(text))


KINDS = {"webphone": WebPhone, "sipjs": Bare, "jssip": Bare}

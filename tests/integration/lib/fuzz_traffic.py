"""Both ends of calls through a proxy, and neither behaves: a caller who sends
requests of every kind, and callees who answer what the proxy relayed to them.
All that they send has been mutated; what they send next depends on what the
proxy said, so that branches, tags and route tokens of its own come back to it
damaged as well."""

import collections
import random
import re
import select
import socket

from . import message, mutate, settings, websocket
from .digest import challenges, credentials
from .message import Message

BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
USERS = ["bob"] * 6 + ["tom"] * 4 + ["both"] * 3 + ["mute", "loop", "nobody", ""]
DIALOG_MAKERS = ["INVITE"] * 6 + ["OPTIONS", "MESSAGE", "SUBSCRIBE", "REGISTER", "PUBLISH"]
ANSWERS = [100, 180, 183, 200, 200, 200, 202, 301, 302, 401, 407, 408, 486, 487, 500,
           503, 600, 603]
PASSWORDS = {"alice": "wonderland", "dora": "explorer", "nobody": "x"}
REMEMBERED = 100
CONNECTIONS = 4
QUIET_S = 0.002
ROUNDS_MAX = 20


def torture_messages():
    files = sorted((settings.DATA / "torture").glob("*.dat"))
    return [f.read_bytes() for f in files]


class Udp:
    """A socket of the traffic; read() gives what has arrived."""

    def __init__(self, ip, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.sock.bind((ip, port))
        self.sock.setblocking(False)

    def send(self, data, to):
        try:
            self.sock.sendto(data, to)
        except OSError:  # an ICMP error of an earlier datagram
            pass

    def read(self):
        while True:
            try:
                yield self.sock.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:
                continue

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        self.sock.close()


class Stream:
    """A connection of the traffic. The proxy may end it at any time."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(settings.patience(1))
        self.buffer = b""
        self.is_closed = False

    def send(self, rng, data):
        """In one write, or torn; mostly such that the next one is seen too."""
        if rng.random() < 0.8:
            data = mutate.reframed(data)
        cut = rng.choice([0, 0, 0, rng.randrange(len(data) + 1)])
        try:
            for part in (data[:cut], data[cut:]):
                self.sock.sendall(part)
        except OSError:
            self.is_closed = True

    def read(self):
        while select.select([self.sock], [], [], 0)[0]:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.is_closed = True
                break
            self.buffer += data
        yield from iter(self._frame, None)

    def _frame(self):
        self.buffer = self.buffer.lstrip(b"\r\n")
        head, blank, rest = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:\s*(\d+)", head)
        size = int(length.group(1).lstrip(b"0") or 0) if length else 0
        if len(rest) < size:
            return None
        self.buffer = rest[size:]
        return head + blank + rest[:size]

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        self.sock.close()


class WebSocket:
    """The same over WebSocket: the messages are framed, now and then wrongly."""

    def __init__(self, ip, to):
        self.ws = websocket.open_websocket(ip, to)
        self.ws.sock.settimeout(settings.patience(1))
        self.is_closed = False

    def send(self, rng, data):
        kind = rng.choice([websocket.TEXT, websocket.BINARY, websocket.BINARY])
        cut = rng.choice([0, 0, rng.randrange(len(data) + 1)])
        raw = websocket.frame(kind, data)
        if cut:
            raw = (websocket.frame(kind, data[:cut], final=False)
                   + rng.choice([b"", websocket.frame(websocket.PING, b"x")])
                   + websocket.frame(websocket.CONTINUATION, data[cut:]))
        if rng.random() < 0.1:
            raw = mutate.mutate(rng, raw)
        torn = rng.choice([0, 0, rng.randrange(len(raw) + 1)])
        try:
            for part in (raw[:torn], raw[torn:]):
                self.ws.send(part)
        except OSError:
            self.is_closed = True

    def read(self):
        while True:
            got = self.ws.frame(0)
            if got is None or got.opcode == websocket.CLOSE:
                self.is_closed = got is not None or self.ws.is_closed
                return
            assert got.is_final and not got.is_masked and got.rsv == 0, got
            if got.opcode in (websocket.TEXT, websocket.BINARY) and (
                    got.payload != b"\r\n"):
                yield got.payload

    def fileno(self):
        return self.ws.sock.fileno()

    def close(self):
        self.ws.close()


class Traffic:
    """proxy: a OneProxy. transport: of the caller, who is at each of caller_ips;
    the callees are Bob (UDP) and Tom (TCP)."""

    def __init__(self, seed, proxy, transport, caller_ips):
        self.rng = random.Random(seed)
        self.proxy = proxy
        self.transport = transport
        self.ips = caller_ips
        self.bob = Udp(proxy.bob_ip, 5060)
        self.tom = socket.create_server((proxy.tom_ip, 5060), backlog=64)
        self.toms = []
        self.udps = [Udp(ip, 5060) for ip in caller_ips]
        self.streams = []
        self.n_sent = 0
        self.sent = collections.deque(maxlen=REMEMBERED)      # requests, unmutated
        self.answered = collections.deque(maxlen=REMEMBERED)  # (request, response)
        self.reached = collections.deque(maxlen=REMEMBERED)   # requests at callees
        self.torture = torture_messages()
        self.history = collections.deque(maxlen=300)  # bytes, for the report
        self.counts = collections.Counter()

    def close(self):
        for it in [self.bob, self.tom] + self.udps + self.toms + self.streams:
            it.close()

    # ---- sending ----

    def _mutated(self, data):
        data = mutate.mutate(self.rng, bytes(data))
        self.n_sent += 1
        self.history.append(data)
        return data

    def _send(self, data):
        """From the caller."""
        data = self._mutated(data)
        if self.transport == "udp":
            self.rng.choice(self.udps).send(data, self.proxy.address)
        else:
            self._stream().send(self.rng, data)

    def _stream(self):
        self.streams = [s for s in self.streams if not s.is_closed]
        if len(self.streams) == CONNECTIONS and self.rng.random() < 0.02:
            self.streams.pop(0).close()  # in the middle of whatever it carries
        while len(self.streams) < CONNECTIONS:
            if self.transport == "ws":
                self.streams.append(WebSocket(self.rng.choice(self.ips),
                                              self.proxy.ws_address))
                continue
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.bind((self.rng.choice(self.ips), 0))
            sock.settimeout(settings.patience(2))
            sock.connect(self.proxy.address)
            self.streams.append(Stream(sock))
        return self.rng.choice(self.streams)

    # ---- requests ----

    def _via(self):
        return "SIP/2.0/%s %s:5060;branch=z9hG4bK%s" % (
            self.transport.upper(), self.ips[0], message.unique("f"))

    def _request(self, method, uri, **fields):
        return message.build_request(method, uri, self._via(),
                                     "<sip:mallory@%s>" % self.ips[0], **fields)

    def _new(self):
        user = self.rng.choice(USERS)
        method = self.rng.choice(DIALOG_MAKERS)
        host = self.rng.choice(["biloxi.com"] * 8 + [self.proxy.ip, "far.example",
                                                  "192.0.2.1"])
        body = self.rng.choice([b"", b"", message.SDP, b"x" * 1400])
        made = self._request(method, "sip:%s%s" % (user and user + "@", host), body=body)
        self.sent.append(made)
        return made

    def _register(self):
        """Where the proxy has asked for a password, mostly with one."""
        user = self.rng.choice(list(PASSWORDS))
        me = "<sip:%s@biloxi.com>" % user
        extra = [("Authorization", a) for a in self._shown(user)]
        extra += self.rng.sample([
            ("Expires", "60"), ("Expires", "0"), ("Contact", "*"),
            ("Contact", "<sip:%s@127.0.0.1:9>;q=0.5;expires=70" % user),
            ("Path", "<sip:127.0.0.1:9;lr>, <sip:127.0.0.1:10;lr>"),
            ("Supported", "path, outbound, gruu"), ("Require", "path"),
            ("Contact", '<sip:a@127.0.0.1>;reg-id=1;+sip.instance="<urn:uuid:1>"'),
        ], self.rng.randrange(4))
        made = self._request(
            "REGISTER", "sip:biloxi.com", from_=me + ";tag=r", to=me,
            cseq=self.n_sent + 1, call_id="register-%d-%s" % (
                self.rng.randrange(1000000), self.transport), extra=extra)
        self.sent.append(made)
        return made

    def _shown(self, user):
        asked = [a for _, a in self.answered
                 if a.status == 401 and 'realm="biloxi.com"' in repr(a)]
        if not asked or self.rng.random() < 0.1:
            return []
        given = list(challenges(asked[-1]).values())
        return [credentials(c, user, PASSWORDS[user], "REGISTER", "sip:biloxi.com",
                            self.rng.randrange(1, 50))
                for c in self.rng.sample(given, self.rng.randint(1, len(given)))]

    def _tortured(self):
        data = self.rng.choice(self.torture)
        if self.rng.random() < 0.5:
            data = re.sub(rb"^(\w+ )\S+", rb"\1sip:bob@biloxi.com", data)
        return data

    def _again(self):
        """CANCEL, ACK or a retransmission of what was sent."""
        if not self.sent:
            return self._new()
        old = self.rng.choice(self.sent)
        return self.rng.choice([old, message.build_cancel(old),
                                message.build_ack(old, old)])

    def _follow(self):
        """An ACK, or a request inside the dialog, that an answer invites."""
        if not self.answered:
            return self._new()
        old, answer = self.rng.choice(self.answered)
        if answer.status >= 300:
            return message.build_ack(old, answer)
        routes = [("Route", r) for r in reversed(answer.values("Record-Route"))]
        return self._request(
            self.rng.choice(["ACK", "ACK", "BYE", "INVITE", "UPDATE", "INFO"]),
            message.uri_of(answer.get("Contact") or "sip:bob@biloxi.com"),
            from_=old.get("From"), to=answer.get("To"), call_id=old.call_id,
            cseq=self.rng.choice([1, 2, 3]), extra=routes)

    def step(self):
        """One message of the caller."""
        kind = self.rng.choices(
            [self._new, self._register, self._tortured, self._again, self._follow],
            [30, 20, 10, 15, 25])[0]
        self._send(kind())

    # ---- answers, and requests of the callee ----

    def _answer(self, request):
        made = message.build_response(
            request, self.rng.choice(ANSWERS), "<sip:bob@%s>" % self.proxy.bob_ip,
            tag=self.rng.choice([None, message.unique("b")]),
            body=self.rng.choice([b"", message.SDP]))
        return made

    def _of_callee(self, request):
        """A BYE or re-INVITE from the other side."""
        routes = [("Route", r) for r in request.values("Record-Route")]
        return message.build_request(
            self.rng.choice(["BYE", "INVITE", "NOTIFY"]),
            message.uri_of(request.get("Contact") or "sip:x@" + self.ips[0]),
            "SIP/2.0/UDP %s;branch=z9hG4bK%s" % (self.proxy.bob_ip, message.unique("c")),
            "<sip:bob@%s>" % self.proxy.bob_ip, from_=request.get("To"),
            to=request.get("From"), call_id=request.call_id, extra=routes)

    def _react(self, request, send):
        """What a callee says to a request; `send` takes bytes."""
        self.reached.append(request)
        if request.method == "ACK" and self.rng.random() < 0.9:
            return
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):
            send(self._mutated(self._answer(request)))
        if self.rng.random() < 0.1:
            old = self.rng.choice(self.reached)
            send(self._mutated(self.rng.choice([self._answer, self._of_callee])(old)))

    # ---- receiving ----

    def _understood(self, data):
        """What the proxy sends is well formed in its lines, whatever it got."""
        head = data.partition(b"\r\n\r\n")[0]
        assert not BARE_LINE_END.search(head) and b"\0\r" not in head, repr(data)
        try:
            got = Message.parse(data)
            got.status, got.get("CSeq").split()
        except (AttributeError, IndexError, ValueError) as e:
            raise AssertionError("the proxy sent %r" % data) from e
        self.counts["SIP" if got.status else got.method] += 1
        return got

    def _at_callee(self, data, send):
        got = self._understood(data)
        if got.is_request:
            self._react(got, send)

    def _at_caller(self, data):
        got = self._understood(data)
        if not got.status:
            return
        for old in self.sent:
            if old.call_id == got.call_id:
                self.counts["%s %d" % (old.method, got.status)] += 1
                self.answered.append((old, got))
                return

    def pump(self):
        """Let the callees react to what has come, until nothing comes for a
        moment: one round is a hop of a call."""
        for _ in range(ROUNDS_MAX):
            if not self._pump_once():
                return

    def _pump_once(self):
        ready = select.select([self.bob, self.tom, *self.udps, *self.toms, *self.streams],
                              [], [], QUIET_S)[0]
        if self.tom in ready:
            self.toms.append(Stream(self.tom.accept()[0]))
        if self.bob in ready:
            for data, source in self.bob.read():
                self._at_callee(data, lambda b: self.bob.send(b, source))
        for tom in [t for t in self.toms if t in ready]:
            for data in tom.read():
                self._at_callee(data, lambda b: tom.send(self.rng, b))
        for udp in [u for u in self.udps if u in ready]:
            for data, _ in udp.read():
                self._at_caller(data)
        for stream in [s for s in self.streams if s in ready]:
            for data in stream.read():
                self._at_caller(data)
        self.toms = [t for t in self.toms if not t.is_closed]
        return ready

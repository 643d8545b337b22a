"""WebSocket phones by the hundred, in one thread: each registers with a
password, registers again before its time is over, is called and calls."""

import asyncio
import itertools
import ssl

from . import message
from .digest import challenges, credentials
from .message import Message
from .websocket import CLOSE, PING, TEXT, close_frame, frame, upgrade

ANSWER_S = 10


class Phone:
    """`user` at `domain`; his password is his name backwards."""

    def __init__(self, user, domain):
        self.user, self.domain = user, domain
        self.aor = "sip:%s@%s" % (user, domain)
        self.invalid = "%s.invalid" % user
        self.contact = "<sip:%s@%s;transport=ws>" % (user, self.invalid)
        self.call_id, self.cseq = message.unique("reg"), itertools.count(1)
        self.waiting = {}  # (Call-ID, CSeq) -> the future of a final response
        self.nonce = {}    # "REGISTER", "INVITE" -> challenge, its counter
        self.acks = set()

    async def connect(self, ip, port, context):
        self.scheme = "WSS" if context else "WS"
        self.reader, self.writer = await asyncio.open_connection(
            ip, port, ssl=context)
        self.writer.write(upgrade())
        answer = await self.reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer.split(b"\r\n")[0], answer
        self.task = asyncio.ensure_future(self._listen())

    async def close(self):
        self.writer.write(close_frame(1000))
        await asyncio.wait([self.task], timeout=ANSWER_S)
        self.writer.close()

    # ---- the wire ----

    async def _frame(self):
        head = await self.reader.readexactly(2)
        size = head[1] & 0x7f
        if size >= 126:
            raw = await self.reader.readexactly(2 if size == 126 else 8)
            size = int.from_bytes(raw, "big")
        return head[0] & 0xf, await self.reader.readexactly(size)

    async def _listen(self):
        while True:
            opcode, payload = await self._frame()
            if opcode == CLOSE:
                return
            assert opcode == TEXT or opcode == PING, opcode
            if opcode == TEXT and payload.strip():
                self._received(Message.parse(payload))

    def send(self, what):
        self.writer.write(frame(TEXT, bytes(what)))

    def _received(self, m):
        if m.is_request:
            self._serve(m)
        elif m.status >= 200:
            future = self.waiting.pop((m.call_id, m.get("CSeq")), None)
            if future:
                future.set_result(m)

    def _serve(self, m):
        if m.method == "ACK":
            self.acks.add(m.call_id)
            return
        if m.method == "INVITE":
            self.send(message.build_response(m, 180, self.contact))
        self.send(message.build_response(m, 200, self.contact))

    # ---- requests ----

    def _request(self, method, uri, **fields):
        via = "SIP/2.0/%s %s;branch=z9hG4bK%s" % (
            self.scheme, self.invalid, message.unique("t"))
        return message.build_request(method, uri, via, self.contact, **fields)

    async def _ask(self, request):
        future = asyncio.get_event_loop().create_future()
        self.waiting[(request.call_id, request.get("CSeq"))] = future
        self.send(request)
        return await asyncio.wait_for(future, ANSWER_S)

    def _credentials(self, method, uri):
        if method not in self.nonce:
            return []
        challenge, count = self.nonce[method]
        name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        return [(name, credentials(challenge, self.user, self.user[::-1], method,
                                   uri, next(count)))]

    async def ask(self, method, uri, **fields):
        """With the nonce of the last time; once more when that is refused. The
        request that was answered, and the answer."""
        for _ in range(2):
            request = self._request(method, uri, cseq=next(self.cseq),
                                    extra=self._credentials(method, uri), **fields)
            answer = await self._ask(request)
            if answer.status not in (401, 407):
                break
            if method == "INVITE":
                self.send(message.build_ack(request, answer))
            self.nonce[method] = (challenges(answer)["MD5"], itertools.count(1))
        return request, answer

    async def register(self):
        _, answer = await self.ask("REGISTER", "sip:" + self.domain,
                                   to="<%s>" % self.aor,
                                   from_="<%s>;tag=r" % self.aor,
                                   call_id=self.call_id)
        assert answer.status == 200, answer

    async def call(self, other):
        """INVITE to BYE. How long the 200 took, all challenges included."""
        loop = asyncio.get_event_loop()
        began = loop.time()
        invite, ok = await self.ask("INVITE", other.aor, from_="<%s>;tag=%s" % (
            self.aor, message.unique("f")), call_id=message.unique("call"))
        assert ok.status == 200, ok
        took = loop.time() - began
        for method in ("ACK", "BYE"):
            request = self._in_dialog(method, invite, ok)
            if method == "ACK":
                self.send(request)
            else:
                answer = await self._ask(request)
                assert answer.status == 200, answer
        assert invite.call_id in other.acks, "no ACK for " + invite.call_id
        other.acks.discard(invite.call_id)
        return took

    def _in_dialog(self, method, invite, ok):
        number = int(invite.get("CSeq").split()[0]) + (method == "BYE")
        self.cseq = itertools.count(max(number + 1, next(self.cseq)))
        routes = [("Route", r) for r in reversed(ok.values("Record-Route"))]
        return self._request(method, message.uri_of(ok.get("Contact")),
                             from_=invite.get("From"), to=ok.get("To"),
                             call_id=invite.call_id, cseq=number, extra=routes)


class Load:
    """n phones, `calls_per_s` calls for `seconds`, every phone registering
    again once meanwhile. run() returns the set-up times, sorted; whatever goes
    wrong is raised."""

    def __init__(self, ip, port, domain, users, is_secure=False):
        self.at = (ip, port, _trusting_context() if is_secure else None)
        self.phones = [Phone(user, domain) for user in users]

    async def connect(self):
        for some in _chunks(self.phones, 50):
            await asyncio.gather(*(p.connect(*self.at) for p in some))
            await asyncio.gather(*(p.register() for p in some))

    async def _refresh(self, seconds):
        for phone in self.phones:
            await asyncio.sleep(seconds / len(self.phones))
            await phone.register()

    async def _calls(self, calls_per_s, seconds):
        started = []
        pairs = itertools.cycle(zip(self.phones[::2], self.phones[1::2]))
        for caller, callee in itertools.islice(pairs, int(calls_per_s * seconds)):
            started.append(asyncio.ensure_future(caller.call(callee)))
            await asyncio.sleep(1 / calls_per_s)
        return await asyncio.gather(*started)

    async def run(self, calls_per_s, seconds):
        times, _ = await asyncio.gather(self._calls(calls_per_s, seconds),
                                        self._refresh(seconds))
        return sorted(times)

    async def close(self):
        await asyncio.gather(*(p.close() for p in self.phones))


def _trusting_context():
    """For all of them: to make one takes longer than a handshake, whose deadline
    passes meanwhile."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _chunks(all_of_them, n):
    for i in range(0, len(all_of_them), n):
        yield all_of_them[i:i + n]

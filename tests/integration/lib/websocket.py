"""A WebSocket client at byte level (RFC 6455), and the SIP peer that uses it
(RFC 7118). It masks and frames as it is told to, rightly or wrongly, and shows
each frame that it got."""

import base64
import hashlib
import os
import select
import socket
import struct
import time
from collections import namedtuple

from . import message, settings
from .endpoint import AT_ONCE_S, StreamPeer, family_of
from .message import Message

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Frame = namedtuple("Frame", "opcode is_final is_masked rsv payload")
Answer = namedtuple("Answer", "status fields body")


def frame(opcode, payload=b"", final=True, masked=True, rsv=0, declared=None,
          length_bytes=None):
    """One frame. `declared` is a length other than the payload's,
    `length_bytes` writes it with 0, 2 or 8 bytes whether these are needed or
    not."""
    length = len(payload) if declared is None else declared
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    head = bytes([(0x80 if final else 0) | rsv << 4 | opcode,
                  (0x80 if masked else 0) | short])
    head += length.to_bytes(8, "big")[8 - length_bytes:]
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def mask(payload, key):
    pad = (key * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big")
            ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")


def close_frame(code=None, reason=b"", **options):
    payload = b"" if code is None else struct.pack("!H", code) + reason
    return frame(CLOSE, payload, **options)


def upgrade(host="biloxi.com", line="GET / HTTP/1.1", drop=(), extra=(),
            **changes):
    """A request for an upgrade. `changes` replace values by the field's name
    with _ for -, `drop` names fields to leave out, `extra` are pairs."""
    fields = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
              "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "sip"}
    for name, value in changes.items():
        fields[name.replace("_", "-")] = value
    pairs = [(n, v) for n, v in fields.items() if n not in drop] + list(extra)
    lines = [line] + ["%s: %s" % p for p in pairs]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def accept_of(key):
    return base64.b64encode(
        hashlib.sha1(key.encode() + GUID).digest()).decode()


class Stream:
    """A connection and what came over it. `is_closed`: by the other side."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.is_closed = False

    @classmethod
    def connect(cls, ip, to, receive_buffer=None, tls=None, server_name=None):
        """tls: an ssl.SSLContext."""
        sock = socket.socket(family_of(ip), socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(settings.patience(AT_ONCE_S))
        sock.bind((ip, 0))
        sock.connect(to)
        if tls:
            sock = tls.wrap_socket(sock, server_hostname=server_name)
        return cls(sock)

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self, seconds):
        """False: nothing came."""
        pending = getattr(self.sock, "pending", lambda: 0)()
        if self.is_closed or not (pending or self._is_readable(seconds)):
            return False
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        self.is_closed = data == b""
        self.buffer += data
        return True

    def _is_readable(self, seconds):
        poll = select.poll()  # select() has no room for thousands
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def until(self, parse, seconds=None):
        """What parse() finds in the buffer, or None when time is up or the
        stream has ended."""
        deadline = time.monotonic() + (
            settings.patience(AT_ONCE_S) if seconds is None else seconds)
        while True:
            found = parse()
            if found is not None:
                return found
            if not self.fill(max(0, deadline - time.monotonic())):
                return None

    def take(self, n):
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def answer(self, seconds=None):
        """An HTTP answer with its body; 101 has none."""
        got = self.until(self._parse_answer, seconds)
        assert got, "no answer; had %r" % self.buffer
        return got

    def _parse_answer(self):
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        lines = head.decode("latin-1").split("\r\n")
        fields = {n.lower(): v.strip() for n, _, v in
                  (line.partition(":") for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        length = int(fields.get("content-length", 0))
        if len(rest) < length:
            return None
        self.take(len(head) + 4)
        return Answer(status, fields, self.take(length))

    def frame(self, seconds=None):
        """The next frame, or None."""
        return self.until(self._parse_frame, seconds)

    def _parse_frame(self):
        b = self.buffer
        if len(b) < 2:
            return None
        ext = {126: 2, 127: 8}.get(b[1] & 0x7f, 0)
        if len(b) < 2 + ext:
            return None
        length = int.from_bytes(b[2:2 + ext], "big") if ext else b[1] & 0x7f
        if len(b) < 2 + ext + length:
            return None
        self.take(2 + ext)
        return Frame(b[0] & 0xf, b[0] >> 7 == 1, b[1] >> 7 == 1,
                     b[0] >> 4 & 7, self.take(length))

    def expect_end(self, seconds=None):
        """The other side closes, and says nothing more before it."""
        self.until(lambda: None, seconds)
        assert self.is_closed, "still open"
        assert self.buffer == b"", "more came: %r" % self.buffer

    def expect_close(self, code, seconds=None):
        """A close frame with that code (None: without one), then the end."""
        got = self.frame(seconds)
        assert got, "no close frame; closed: %s" % self.is_closed
        assert got.opcode == CLOSE and got.is_final and not got.is_masked, got
        has = struct.unpack("!H", got.payload[:2])[0] if got.payload else None
        assert has == code, got
        self.expect_end(seconds)


def open_websocket(ip, to, request=None, **options):
    """A Stream whose upgrade was accepted."""
    stream = Stream.connect(ip, to, **options)
    stream.send(request or upgrade())
    got = stream.answer()
    assert got.status == 101, got
    return stream


class WsPeer(StreamPeer):
    """A SIP.js, more or less: no address that anybody could reach, one
    connection. `ws` is the Stream below it; pings are answered, as a browser
    does it."""

    transport = "WS"

    def __init__(self, ws, transport="WS"):
        super().__init__(ws.sock)
        self.ws = ws
        self.transport = transport
        self.host = message.unique("ua") + ".invalid"
        self.frames = []  # opcodes of those that carried messages
        self.n_pongs = 0  # CRLF
        self.close_payload = None

    @classmethod
    def connect(cls, ip, to, tls=None, **options):
        ws = open_websocket(ip, to, tls=tls, **options)
        return cls(ws, "WSS" if tls else "WS")

    @property
    def hostport(self):
        return self.host

    @property
    def contact(self):
        return "<sip:peer@%s;transport=ws>" % self.host

    @property
    def is_closed(self):
        return self.ws.is_closed

    def close(self):
        self.ws.close()

    def send(self, what, to=None):
        self.ws.send(frame(TEXT, bytes(what)))

    def _read(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            got = self.ws.frame(max(0, deadline - time.monotonic()))
            if got is None:
                return None
            assert got.is_final and not got.is_masked and got.rsv == 0, got
            if got.opcode == PING:
                self.ws.send(frame(PONG, got.payload))
            elif got.opcode == CLOSE:
                self.close_payload = got.payload
            elif got.payload == b"\r\n":
                self.n_pongs += 1
            elif got.opcode in (TEXT, BINARY):
                self.frames.append(got.opcode)
                return Message.parse(got.payload), self.ws.sock

"""A scripted SIP peer: it sends the bytes it is told to and shows the bytes it
got. UdpPeer is a socket, TcpPeer one connection (made by TcpPeer.connect or by
TcpListener.accept). Every wait has a deadline."""

import re
import select
import socket
import ssl
import time

from . import message, settings
from .message import Message

AT_ONCE_S = 3     # what needs no timer; patience() stretches it
QUIET_S = 0.2     # how long "nothing comes" is watched


def family_of(ip):
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


class Peer:
    """What UDP and TCP peers have in common. `address` is (ip, port)."""

    transport = None

    def __init__(self, sock):
        self.sock = sock
        self.address = sock.getsockname()
        self.waiting = []  # (message, source) that no one has asked for yet

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # ---- building ----

    @property
    def hostport(self):
        ip, port = self.address[:2]
        return "%s:%d" % ("[%s]" % ip if ":" in ip else ip, port)

    @property
    def contact(self):
        udp = self.transport == "UDP"
        return "<sip:peer@%s%s>" % (
            self.hostport, "" if udp else ";transport=" + self.transport.lower())

    def via(self, sent_by=None, params=""):
        return "SIP/2.0/%s %s;branch=z9hG4bK%s%s" % (
            self.transport, sent_by or self.hostport,
            message.unique("t"), params)

    def request(self, method, uri, via=None, **fields):
        """A request of ours, not sent yet."""
        return message.build_request(method, uri, via or self.via(),
                                     self.contact, **fields)

    def in_dialog(self, method, invite, ok, cseq=2):
        """A request of the caller inside the dialog that `ok` made."""
        routes = [("Route", r) for r in reversed(ok.values("Record-Route"))]
        return self.request(method, message.uri_of(ok.get("Contact")),
                            from_=invite.get("From"), to=ok.get("To"),
                            call_id=invite.call_id, cseq=cseq, extra=routes)

    def in_dialog_of_callee(self, method, invite, ok, cseq=1):
        """The same from the other side; `invite` as the callee received it."""
        routes = [("Route", r) for r in invite.values("Record-Route")]
        return self.request(method, message.uri_of(invite.get("Contact")),
                            from_=ok.get("To"), to=invite.get("From"),
                            call_id=invite.call_id, cseq=cseq, extra=routes)

    # ---- receiving ----

    def receive(self, seconds, match=lambda m: True):
        """The next message that matches, or None. Others stay in order."""
        for i, (m, _) in enumerate(self.waiting):
            if match(m):
                return self._take(i)
        deadline = time.monotonic() + seconds
        while True:
            got = self._read(max(0, deadline - time.monotonic()))
            if got is None:
                return None
            self.waiting.append(got)
            if match(got[0]):
                return self._take(len(self.waiting) - 1)

    def _take(self, i):
        found, self.source = self.waiting.pop(i)
        return found

    def expect_request(self, method, call_id=None, seconds=None):
        """The next request with that method (and Call-ID)."""
        got = self.receive(seconds or settings.patience(AT_ONCE_S), lambda m:
                           m.method == method and call_id in (None, m.call_id))
        assert got, "no %s; had: %s" % (method, self.waiting)
        return got

    def expect_response(self, request, status=None, seconds=None):
        """The response to `request` with that status; None: the final one."""
        def match(m):
            return (m.status and m.call_id == request.call_id
                    and m.get("CSeq") == request.get("CSeq")
                    and (m.status == status if status else m.status >= 200))
        got = self.receive(seconds or settings.patience(AT_ONCE_S), match)
        assert got, "no %s to %s; had: %s" % (status or "final response",
                                              request.start, self.waiting)
        return got

    def expect_nothing(self, call_id=None, seconds=QUIET_S):
        """Nothing arrives (of that call)."""
        got = self.receive(seconds, lambda m: call_id in (None, m.call_id))
        assert got is None, "unexpected: %s" % got


class UdpPeer(Peer):
    transport = "UDP"

    def __init__(self, ip, port=5060):
        sock = socket.socket(family_of(ip), socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        sock.bind((ip, port))
        super().__init__(sock)

    def send(self, what, to):
        """what: a Message or bytes; to: an (ip, port) pair."""
        self.sock.sendto(bytes(what), to)

    def reply(self, request, status, to=None, **parts):
        """Answer to where the last received message came from."""
        parts.setdefault("contact", self.contact)
        answer = message.build_response(request, status, **parts)
        self.send(answer, to or self.source)
        return answer

    def _read(self, seconds):
        if not select.select([self.sock], [], [], seconds)[0]:
            return None
        data, source = self.sock.recvfrom(65535)
        return Message.parse(data), source


class StreamPeer(Peer):
    """A peer on a connection: it answers where it was asked."""

    def reply(self, request, status, **parts):
        parts.setdefault("contact", self.contact)
        answer = message.build_response(request, status, **parts)
        self.send(answer)
        return answer

    def expect_close(self, seconds=None):
        """The other side closes (or resets) the connection."""
        self.receive(seconds or settings.patience(AT_ONCE_S), lambda m: False)
        assert self.is_closed, "%s is still open" % self.hostport


class TcpPeer(StreamPeer):
    transport = "TCP"

    def __init__(self, sock):
        super().__init__(sock)
        self.buffer = b""
        self.is_closed = False  # by the other side

    @classmethod
    def connect(cls, ip, to, receive_buffer=None):
        sock = socket.socket(family_of(ip), socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind((ip, 0))
        sock.settimeout(settings.patience(AT_ONCE_S))
        sock.connect(to)
        return cls(sock)

    def send(self, what, to=None):
        """`to` is there so that both peers are driven alike."""
        self.sock.sendall(bytes(what))

    def _read(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            found = self._frame()
            if found:
                return found, self.sock
            left = max(0, deadline - time.monotonic())
            if self.is_closed or not select.select([self.sock], [], [], left)[0]:
                return None
            self._fill()

    def _fill(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.is_closed = data == b""
        self.buffer += data

    def _frame(self):
        self.buffer = self.buffer.lstrip(b"\r\n")
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)",
                           self.buffer[:end + 2])
        total = end + 4 + (int(length.group(1)) if length else 0)
        if len(self.buffer) < total:
            return None
        data, self.buffer = self.buffer[:total], self.buffer[total:]
        return Message.parse(data)


class TlsPeer(TcpPeer):
    """`sock` is an ssl.SSLSocket whose handshake is done."""

    transport = "TLS"

    @classmethod
    def connect(cls, ip, to, context, server_name=None, session=None):
        sock = socket.socket(family_of(ip), socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((ip, 0))
        sock.settimeout(settings.patience(AT_ONCE_S))
        try:
            sock.connect(to)
            return cls(context.wrap_socket(sock, server_hostname=server_name,
                                           session=session))
        except BaseException:
            sock.close()
            raise

    def _read(self, seconds):
        if self.sock.pending():
            self._fill()
        return super()._read(seconds)

    def _fill(self):
        try:
            super()._fill()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.is_closed = True


class TcpListener:
    def __init__(self, ip, port=5060):
        self.sock = socket.create_server((ip, port), backlog=64)
        self.address = self.sock.getsockname()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def accept(self, seconds=None):
        self.sock.settimeout(seconds or settings.patience(AT_ONCE_S))
        return TcpPeer(self.sock.accept()[0])


class TlsListener(TcpListener):
    """accept() raises ssl.SSLError or ConnectionError when the other side does
    not want what it is shown."""

    def __init__(self, ip, context, port=5061):
        super().__init__(ip, port)
        self.context = context

    def accept(self, seconds=None):
        self.sock.settimeout(seconds or settings.patience(AT_ONCE_S))
        sock = self.sock.accept()[0]
        sock.settimeout(settings.patience(AT_ONCE_S))
        try:
            return TlsPeer(self.context.wrap_socket(sock, server_side=True))
        except BaseException:
            sock.close()
            raise

"""SIP messages as tests need them: parsed far enough to look at, built far
enough to send. Nothing here corrects what it is given."""

import itertools
import os
import re

COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
    "l": "content-length", "c": "content-type", "k": "supported",
    "s": "subject", "e": "content-encoding",
}

SDP = (
    b"v=0\r\no=alice 2890844526 2890844526 IN IP4 pc33.atlanta.com\r\n"
    b"s=  two  blanks, \"quotes\" and an umlaut: \xc3\xa4\r\n"
    b"c=IN IP4 pc33.atlanta.com\r\nt=0 0\r\n"
    b"m=audio 49172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)

_serial = itertools.count(1)


def unique(prefix):
    return "%s-%d-%d" % (prefix, os.getpid(), next(_serial))


def split_values(text):
    """The comma-separated values of one header line; commas in quotes and in
    angle brackets do not count."""
    parts = re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,])+', text)
    return [p.strip() for p in parts]


class Message:
    """start line, headers as (name, value) in order, body; all of it text that
    maps byte for byte (latin-1) but for the body, which is bytes."""

    def __init__(self, start, headers, body=b""):
        self.start = start
        self.headers = list(headers)
        self.body = body

    @classmethod
    def parse(cls, data):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(rb"\r\n[ \t]+", b" ", head).decode("latin-1").split("\r\n")
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
        return cls(lines[0], headers, body)

    def __bytes__(self):
        lines = [self.start] + ["%s: %s" % h for h in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body

    def __repr__(self):
        return bytes(self).decode("utf-8", "backslashreplace")

    @property
    def is_request(self):
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        return self.start.split(" ")[0] if self.is_request else None

    @property
    def uri(self):
        return self.start.split(" ")[1]

    @property
    def status(self):
        return None if self.is_request else int(self.start.split(" ")[1])

    @property
    def call_id(self):
        return self.get("Call-ID")

    @property
    def branch(self):
        found = re.search(r"branch=([^;,\s]+)", self.get("Via") or "")
        return found and found.group(1)

    def lines(self, name):
        """The values of each line of that name, as they stand."""
        key = name.lower()
        return [v for n, v in self.headers
                if COMPACT.get(n.lower(), n.lower()) == key]

    def get(self, name):
        """The first line of that name, or None."""
        return next(iter(self.lines(name)), None)

    def values(self, name):
        """All values of that name, over all lines."""
        return [v for line in self.lines(name) for v in split_values(line)]

    def replace(self, name, value):
        """The same message with the first line of that name changed (None:
        without it)."""
        headers, done = [], False
        for n, v in self.headers:
            if n.lower() == name.lower() and not done:
                done = True
                if value is None:
                    continue
                v = value
            headers.append((n, v))
        return Message(self.start, headers, self.body)

    def add(self, name, value):
        """The same message with one more header, in front."""
        return Message(self.start, [(name, value)] + self.headers, self.body)


def build_request(method, uri, via, contact, extra=(), body=b"", **fields):
    """fields: from_, to, call_id, cseq, max_forwards. extra: (name, value)
    pairs that stand in front of Content-Length."""
    get = fields.get
    headers = [
        ("Via", via),
        ("Max-Forwards", str(get("max_forwards", 70))),
        ("From", get("from_") or "<sip:alice@atlanta.com>;tag=" + unique("a")),
        ("To", get("to") or "<%s>" % uri.split(";")[0]),
        ("Call-ID", get("call_id") or unique("call")),
        ("CSeq", "%s %s" % (get("cseq", 1), method)),
        ("Contact", contact),
        *extra,
    ]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    headers.append(("Content-Length", str(len(body))))
    return Message("%s %s SIP/2.0" % (method, uri), headers, body)


def build_response(request, status, contact, tag=None, extra=(), body=b""):
    """What a user agent server answers (RFC 3261 8.2.6)."""
    to = request.get("To")
    if status > 100 and ";tag=" not in to:
        to += ";tag=" + (tag or "b-" + request.call_id)
    headers = [("Via", v) for v in request.lines("Via")]
    headers += [("Record-Route", v) for v in request.lines("Record-Route")]
    headers += [
        ("From", request.get("From")), ("To", to),
        ("Call-ID", request.call_id), ("CSeq", request.get("CSeq")),
        ("Contact", contact), *extra,
    ]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    headers.append(("Content-Length", str(len(body))))
    return Message("SIP/2.0 %d Scripted" % status, headers, body)


def _repeat(request, method, to, extra=()):
    """Same branch, Call-ID, From and CSeq number: RFC 3261 9.1 and 17.1.1.3."""
    number = request.get("CSeq").split()[0]
    headers = [("Via", request.get("Via")), ("Max-Forwards", "70"),
               ("From", request.get("From")), ("To", to),
               ("Call-ID", request.call_id),
               ("CSeq", "%s %s" % (number, method)), *extra,
               ("Content-Length", "0")]
    return Message("%s %s SIP/2.0" % (method, request.uri), headers)


def build_cancel(invite):
    return _repeat(invite, "CANCEL", invite.get("To"))


def build_ack(invite, response):
    """The ACK to a final response that is no 2xx."""
    return _repeat(invite, "ACK", response.get("To"))


def uri_of(value):
    """The URI of a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0]

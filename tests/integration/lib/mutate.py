"""Mutations of SIP messages that know the grammar: what a broken or hostile
peer does to a header, a URI, a number, a line end or the framing. mutate() maps
bytes to bytes and draws every choice from the generator that it is given."""

import re

from . import settings

NUMBERS = [b"0", b"1", b"-1", b"+1", b"00000000001", b"255", b"256", b"65535",
           b"65536", b"2147483647", b"2147483648", b"4294967295", b"4294967296",
           b"18446744073709551615", b"18446744073709551616", b"9" * 300,
           b"1e3", b"0x10", b" 1", b"", b"1 1", b"\xd9\xa1"]

METHODS = [b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"PRACK",
           b"SUBSCRIBE", b"NOTIFY", b"REFER", b"UPDATE", b"INFO", b"MESSAGE", b"PUBLISH",
           b"invite", b"INVIT", b"X-" + b"M" * 500, b"SIP/2.0", b"%", b""]

STATUSES = [b"100", b"180", b"183", b"199", b"200", b"202", b"299", b"300", b"302", b"399",
            b"400", b"401", b"407", b"408", b"486", b"487", b"499", b"500", b"503", b"600",
            b"603", b"699", b"0", b"99", b"700", b"999", b"1000", b"20", b"abc", b""]

VERSIONS = [b"SIP/2.0", b"sip/2.0", b"SIP/2.1", b"SIP/3.0", b"SIP/02.0", b"SIP/2", b"HTTP/1.1",
            b"SIP/4294967296.0", b""]

HOSTS = [b"biloxi.com", b"BILOXI.com.", b"127.0.0.1", b"[::1]", b"[::ffff:127.0.0.1]",
         b"[", b"[::1", b"::1", b"1.2.3", b"256.1.1.1", b"-", b".", b"a..b", b"a" * 300,
         b"xn--a", b"biloxi.com:0", b"biloxi.com:65536", b"biloxi.com:", b"b\xc3\xa9", b""]

URIS = [b"sip:", b"sip:@", b"sips:bob@biloxi.com", b"tel:+1", b"tel:", b"http://x/", b"*",
        b"sip:bob:pw@biloxi.com", b"sip:%00@biloxi.com", b"sip:%@biloxi.com",
        b"sip:bob@biloxi.com?To=x&%0d%0aVia=y", b"sip:bob@biloxi.com;maddr=127.0.0.1;ttl=999",
        b"sip:bob@biloxi.com;transport=sctp", b"sip:bob@biloxi.com;lr;lr;lr=",
        b"<sip:bob@biloxi.com>", b"sip:a@b@c", b"sip:;x=y", b"sip:" + b"u" * 3000 + b"@biloxi.com",
        b"sip:bob@biloxi.com;" + b"p=q;" * 400, b"cid:x", b"urn:service:sos"]

PARAMS = [b";tag=x", b";tag=", b";tag", b";branch=", b";branch=z9hG4bK", b";branch=" + b"b" * 2000,
          b";received=127.0.0.1", b";received=", b";received=[::1", b";rport=", b";rport=0",
          b";rport=99999", b";maddr=224.0.0.1", b";maddr=", b";ttl=256", b";q=1.001", b";q=-1",
          b";expires=4294967296", b";lr", b";;", b";=", b";a=\"", b";a=\"\\\"", b";a=\"b\\",
          b";" + b"n" * 1000, b";transport=tcp", b";transport=\"udp\"", b"\t;\r\n x = y"]

FIELDS = [b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKother", b"v:SIP / 2.0 / TCP [::1]",
          b"Route: <sip:biloxi.com;lr>", b"Route: <sip:other.example>", b"Route: ,", b"Route: <",
          b"Record-Route: <sip:a;lr>,<sip:b;lr>", b"Require: 100rel, nothing",
          b"Proxy-Require: nothing,\r\n privacy", b"Max-Forwards: 0", b"Max-Breadth: 1",
          b"Max-Breadth: 4294967296", b"Contact: *", b"m: \"", b"Contact: <sip:a>;q=0.5, *",
          b"Content-Length: 4294967296", b"l: 1", b"Content-Length: -1", b"Timestamp: 1.5 0.5",
          b"Timestamp: x", b"Reason: SIP;cause=200;text=\"\\\"", b"Expires: -1", b"Subject: \0",
          b"Subject: a\rb", b"Subject: a\nVia: b", b"Unknown-" + b"h" * 3000 + b": x",
          b"Unknown: " + b"v" * 9000, b"no colon", b": no name", b"Na me: x", b"Na\x01me: x",
          b"Authorization: Digest username=\"" + b"a" * 500, b"P-Asserted-Identity: <sip:root@x>",
          b"Supported: ,,,", b"To: <sip:second@example.com>;tag=2", b"CSeq: 2 INVITE"]

LINE_ENDS = [b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\0\r\n", b""]


def _words():
    text = (settings.TOP / "tests/fuzz/dict/sip.dict").read_text()
    return [w.encode().decode("unicode_escape").encode("latin-1")
            for w in re.findall(r'(?m)^"(.*)"$', text)]


WORDS = _words()


def _split(data):
    head, blank, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), blank + body


def _join(lines, rest):
    return b"\r\n".join(lines) + rest


def _replace_match(rng, data, pattern, make):
    """One of the places where `pattern` matches, made anew."""
    found = list(re.finditer(pattern, data))
    if not found:
        return data
    m = rng.choice(found)
    return data[:m.start()] + make(m) + data[m.end():]


# ---- lines ----


def duplicate_line(rng, data):
    lines, rest = _split(data)
    i = rng.randrange(len(lines))
    lines[i:i] = [lines[i]] * rng.choice([1, 1, 1, 2, 10, 100, 300])
    return _join(lines, rest)


def delete_line(rng, data):
    lines, rest = _split(data)
    del lines[rng.randrange(len(lines))]
    return _join(lines, rest)


def move_line(rng, data):
    lines, rest = _split(data)
    line = lines.pop(rng.randrange(len(lines)))
    lines.insert(rng.randrange(len(lines) + 1), line)
    return _join(lines, rest)


def add_field(rng, data):
    lines, rest = _split(data)
    lines.insert(rng.randrange(len(lines)) + 1, rng.choice(FIELDS))
    return _join(lines, rest)


def empty_field(rng, data):
    return _replace_match(rng, data, rb"(?m)^([\w-]+[ \t]*:)[^\r\n]*",
                          lambda m: m.group(1))


def respell_name(rng, data):
    change = rng.choice([bytes.upper, bytes.lower, bytes.swapcase, lambda n: n + b" ",
                         lambda n: n + b"\t", lambda n: b" " + n, lambda n: n[:1],
                         lambda n: n + n])
    return _replace_match(rng, data, rb"(?m)^[\w-]+(?=:)",
                          lambda m: change(m.group()))


def line_end(rng, data):
    return _replace_match(rng, data, rb"\r\n", lambda m: rng.choice(LINE_ENDS))


def fold(rng, data):
    return _replace_match(rng, data, rb"[ ;,:=]",
                          lambda m: m.group() + b"\r\n" + rng.choice([b" ", b"\t", b""]))


# ---- what stands in the lines ----


def number(rng, data):
    return _replace_match(rng, data, rb"\d+", lambda m: rng.choice(NUMBERS))


def method(rng, data):
    return _replace_match(rng, data, rb"^[A-Z]+(?= )|(?<=\d )[A-Z]+(?=\r)",
                          lambda m: rng.choice(METHODS))


def start_line(rng, data):
    line, rest = data.partition(b"\r\n")[::2]
    parts = line.split(b" ")
    i = rng.randrange(len(parts))
    parts[i] = rng.choice(rng.choice([METHODS, URIS, VERSIONS, STATUSES]))
    return b" ".join(parts) + b"\r\n" + rest


def status(rng, data):
    return _replace_match(rng, data, rb"^SIP/2\.0 \d+",
                          lambda m: b"SIP/2.0 " + rng.choice(STATUSES))


def host(rng, data):
    return _replace_match(rng, data, rb"(?<=[@ ])\[?[\w.:-]+\.[\w.:-]+\]?",
                          lambda m: rng.choice(HOSTS))


def uri(rng, data):
    return _replace_match(rng, data, rb"sips?:[^>\s;]*", lambda m: rng.choice(URIS))


def add_param(rng, data):
    return _replace_match(rng, data, rb"(?<=[\w>])(?=[;,\r>])",
                          lambda m: rng.choice(PARAMS))


def drop_param(rng, data):
    return _replace_match(rng, data, rb";[^;,>\r\n]*", lambda m: b"")


def drop_mark(rng, data):
    return _replace_match(rng, data, rb"[<>\"@:;=,]", lambda m: b"")


def double_mark(rng, data):
    return _replace_match(rng, data, rb"[<>\"@:;=, ]", lambda m: m.group() * 2)


def lengthen(rng, data):
    size = rng.choice([300, 2100, 9000, 66000])
    return _replace_match(rng, data, rb"\w+", lambda m: (m.group() * size)[:size])


def content_length(rng, data):
    return _replace_match(rng, data, rb"(?<=Content-Length: )\d+",
                          lambda m: rng.choice(NUMBERS + [b"5", b"100", b"65536"]))


# ---- bytes ----


def flip(rng, data):
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def insert_word(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(WORDS) + data[at:]


def insert_bytes(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice([1, 2, 16, 256])) + data[at:]


def delete_range(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice([1, 2, 16, 256]):]


def repeat_range(rng, data):
    at = rng.randrange(len(data))
    part = data[at:at + rng.choice([1, 4, 32, 256])]
    return data[:at] + part * rng.choice([2, 3, 50]) + data[at:]


def truncate(rng, data):
    return data[:rng.randrange(len(data)) + 1]


MUTATIONS = [duplicate_line, delete_line, move_line, add_field, add_field, empty_field,
             respell_name, line_end, fold, number, number, method, start_line, status,
             host, uri, add_param, add_param, drop_param, drop_mark, double_mark, lengthen,
             content_length, flip, insert_word, insert_bytes, delete_range, repeat_range,
             truncate]

LARGEST = 65000  # of a datagram


def mutate(rng, data):
    """None to five of the mutations, most often one."""
    for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2, 2, 3, 5])):
        data = rng.choice(MUTATIONS)(rng, data) or b"\0"
    return data[:LARGEST]


def reframed(data):
    """With a Content-Length that is true, so that a stream goes on after it."""
    head, blank, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n")
             if not re.match(rb"(?i)(content-length|l)[ \t]*:", line)]
    lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body

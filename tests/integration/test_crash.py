"""Registrations at full speed, kill -9, a new start: every contact that had been
answered 200 is there. In every second round the store's writes fail for a while.

VIADUCT_CRASH_ROUNDS  how many (default: 20)
VIADUCT_CRASH_SEED    what the moments are drawn from; a failure prints it
"""

import os
import random
import re
import resource
import select
import socket
import time

from lib import settings, wait
from lib.daemon import config

ROUNDS = int(os.environ.get("VIADUCT_CRASH_ROUNDS", 20))
SEED = int(os.environ.get("VIADUCT_CRASH_SEED", 1))
USERS = 400
IN_FLIGHT = 100
FILE_MAX = 96 * 1024  # bytes of a file while the store's writes fail

REGISTER = """\
REGISTER sip:biloxi.com SIP/2.0\r
Via: SIP/2.0/UDP {at};branch=z9hG4bK{serial}\r
Max-Forwards: 70\r
From: <sip:u{user}@biloxi.com>;tag=1\r
To: <sip:u{user}@biloxi.com>\r
Call-ID: reg-{user}\r
CSeq: {serial} REGISTER\r
{contact}Content-Length: 0\r
\r
"""
CONTACT = "Contact: <sip:u{user}@h.test>;n={serial};expires=3600\r\n"
ANSWER = re.compile(rb"SIP/2\.0 (\d+).*?\r\nCall-ID: reg-(\d+)\r\n"
                    rb"CSeq: (\d+) REGISTER", re.S)


class Phones:
    """Many users behind one socket; each waits for an answer before it registers
    again. `known` is what was answered 200 last, by user."""

    def __init__(self, ip, proxy):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.sock.bind((ip, 5060))
        self.at, self.proxy = ip + ":5060", proxy
        self.serial, self.known = 0, {}
        self.statuses = {}

    def send(self, user, contact=CONTACT):
        self.serial += 1
        contact = contact.format(user=user, serial=self.serial)
        self.sock.sendto(REGISTER.format(
            at=self.at, user=user, serial=self.serial, contact=contact).encode(),
            self.proxy)

    def receive(self, seconds):
        """The user of the next answer, its status and its text; or None."""
        while select.select([self.sock], [], [], seconds)[0]:
            data = self.sock.recv(65535)
            m = ANSWER.match(data)
            status, user, serial = map(int, m.groups())
            assert status == 200 or b"\r\nRetry-After: " in data, data
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200 and b"\r\nContact: " in data:
                n = re.search(rb";n=(\d+)", data)
                self.known[user] = max(self.known.get(user, 0), int(n.group(1)))
            return user, status, data
        return None

    def run(self, seconds):
        """At full speed for so long, from the first answer on."""
        for user in range(IN_FLIGHT):
            self.send(user)
        until, next_user = None, IN_FLIGHT
        while until is None or time.monotonic() < until:
            got = self.receive(settings.patience(3))
            assert got, "no answer"
            until = until or time.monotonic() + seconds
            self.send(next_user % USERS)
            next_user += 1

    def drain(self):
        while self.receive(0.02):
            pass

    def query(self, user):
        """The number in its contact; 0: it has none."""
        for _ in range(5):
            self.send(user, "")
            got = self.receive(settings.patience(2))
            while got and got[0] != user:
                got = self.receive(settings.patience(2))
            if got:
                n = re.search(rb";n=(\d+)", got[2])
                return int(n.group(1)) if n else 0
        raise AssertionError("a query without an answer")


def limit_files(process, size):
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def is_stored(phones):
    phones.send(0)
    return phones.receive(settings.patience(2))[1] == 200


def one_round(daemon, phones, rng, is_faulty):
    if is_faulty:
        limit_files(daemon.process, FILE_MAX)
    phones.run(rng.uniform(0.01, 0.15))
    if is_faulty and rng.random() < 0.5:  # it recovers by itself
        phones.drain()
        limit_files(daemon.process, resource.RLIM_INFINITY)
        wait.until(lambda: is_stored(phones), settings.patience(10),
                   "a change that is stored again")
        phones.run(0.03)
    daemon.kill()
    phones.drain()  # what it answered before its end
    daemon.log_file.write_text("")
    daemon.start()
    for user, n in phones.known.items():
        assert phones.query(user) >= n, "user %d" % user


def test_what_was_answered_200_survives_kill_9(start_daemon, addresses):
    ip = addresses.take()
    daemon = start_daemon(config(
        ip, "biloxi.com", domains={"biloxi.com": {"authenticate": "none"}}))
    phones, rng = Phones(addresses.take(), (ip, 5060)), random.Random(SEED)
    for i in range(ROUNDS):
        try:
            one_round(daemon, phones, rng, i % 2 == 1)
        except BaseException:
            print("round %d of VIADUCT_CRASH_SEED=%d" % (i, SEED))
            raise
    print(phones.statuses)
    assert len(phones.known) == USERS
    assert phones.statuses[500] > 0, "no write ever failed"

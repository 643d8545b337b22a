"""Waiting for a condition, never for a time."""

import time


def until(condition, seconds, what):
    """The first true value of condition(); fails when `seconds` are over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError("not within %.1f s: %s" % (seconds, what))
        time.sleep(0.01)

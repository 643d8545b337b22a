"""What the environment may change, and what more than one test expects.

VIADUCTD         the daemon (default: viaductd in the top directory)
VIADUCT_WRAPPER  a command to run it under, such as "valgrind --leak-check=full"
VIADUCT_SLOW     1: the daemon is instrumented; fewer calls a second, and every
                 deadline of a test is stretched
VIADUCT_CALLS    how many times the main call is made, over each transport
VIADUCT_RATE     how many times a second
VIADUCT_NO_SKIP  1: a missing program is a failure, not a skip
"""

import os
import shlex
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
DATA = TOP / "tests" / "data"
VIADUCTD = os.path.abspath(os.environ.get("VIADUCTD", TOP / "viaductd"))
WRAPPER = shlex.split(os.environ.get("VIADUCT_WRAPPER", ""))
SLOW = os.environ.get("VIADUCT_SLOW") == "1"
NO_SKIP = os.environ.get("VIADUCT_NO_SKIP") == "1"

# The main call: how many, and how many a second.
CALLS = int(os.environ.get("VIADUCT_CALLS", 1000 if SLOW else 2000))
RATE = int(os.environ.get("VIADUCT_RATE", 100 if SLOW else 200))

# A next hop without address: RFC 3261 16.6 step 7 and 16.9 make it a failed
# branch, whose 503 RFC 3261 16.7 step 6 lets the caller see as a 500.
UNREACHABLE = range(400, 600)
UNREACHABLE_WITHIN_S = 6

# A user of a domain with `registrar: false` that no route names.
UNKNOWN_LOCAL_USER = 404
RELAYING_DENIED = 403


def patience(seconds):
    """A deadline for the daemon to do something that it does at once."""
    return seconds * (6 if SLOW else 1)

"""The main call does not depend on how many threads share the work."""

import pytest

from lib import settings
from lib.two_domains import TRANSPORTS, TwoDomains, main_call

CALLS = settings.CALLS // 5


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_main_call_succeeds_with_any_number_of_workers(
        workers, tmp_path, addresses):
    with TwoDomains(tmp_path, addresses, ["main"], workers) as network:
        for transport in TRANSPORTS:
            main_call(network, "main", transport, CALLS)

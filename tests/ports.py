"""Free ports for what a test starts: no two test processes of a run are given the same one, and none is given twice.

A server listens only some time after its port was chosen, and a test may stop it and start it again there. A port that
is merely free now could be another test's by then, whose client would get an answer from the wrong server.
"""

from __future__ import annotations

import os
import re
import secrets
from itertools import cycle, islice

from deploy.local.system import is_free

_FIRST = 20_000
"""From here to 30,000 the system gives none to outgoing connections, and `ntm up` takes none for its own parts."""
_OF_A_WORKER = 1_200
_WORKERS = 8
"""The last part is for what runs without xdist."""


def _of_this_process(worker: str) -> range:
    number = re.fullmatch(r"gw(\d+)", worker)
    part = int(number[1]) % (_WORKERS - 1) if number else _WORKERS - 1
    first = _FIRST + part * _OF_A_WORKER
    return range(first, first + _OF_A_WORKER)


_own = _of_this_process(os.environ.get("PYTEST_XDIST_WORKER", ""))
_ports = islice(cycle(_own), secrets.randbelow(len(_own)), None)


def free_port() -> int:
    """Return a port at which nobody listens, and which is given again only after all others of this process."""
    return next(port for port in islice(_ports, len(_own)) if is_free(port))


def free_ports(number: int) -> int:
    """Return the first of several such ports in a row."""
    while True:
        found = [free_port() for _ in range(number)]
        if found == list(range(found[0], found[0] + number)):
            return found[0]

"""The sites, each with the kinds of faults that strike it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults import network, outside, processes, streams
from tests.faults.kind import Kind
from tests.faults.machine import Machine
from tests.faults.site import Site

DEFAULT_SITE = "machine"
SITES: Mapping[str, type[Site]] = {"machine": Machine}

KINDS: Mapping[str, Mapping[str, Kind]] = {
    "machine": {**processes.KINDS, **network.KINDS, **streams.KINDS, **outside.KINDS},
}
"""By site."""

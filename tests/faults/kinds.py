"""The sites, each with the kinds of faults that strike it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.faults import cluster, containers, damage, disk, names, network, outside, processes, streams
from tests.faults.cluster import Cluster
from tests.faults.containers import Containers
from tests.faults.kind import Kind
from tests.faults.machine import Machine
from tests.faults.site import SERVICE_MARKS, Site

DEFAULT_SITE = "machine"
SITES: Mapping[str, type[Site]] = {"machine": Machine, "cluster": Cluster, "containers": Containers}

KINDS: Mapping[str, Mapping[str, Kind]] = {
    "machine": {
        **processes.KINDS,
        **network.KINDS,
        **streams.KINDS,
        **outside.KINDS,
        **names.KINDS,
        **disk.KINDS,
        **damage.KINDS,
    },
    "cluster": {
        **cluster.KINDS,
        **streams.KINDS,
        "killed": replace(processes.KINDS["killed"], parts=(*SERVICE_MARKS, "postgres")),
        "stopped": replace(processes.KINDS["stopped"], parts=tuple(cluster.PARTS)),
    },
    "containers": {**containers.KINDS, **streams.KINDS, **outside.KINDS},
}
"""By site."""

WAITING: Mapping[str, str] = {}
"""Kinds that the product does not survive yet, each with the reason: they are inflicted only where one names them."""


def by_default(site: str) -> list[str]:
    """Return the kinds that strike a site where nobody names others."""
    return sorted(KINDS[site].keys() - WAITING.keys())

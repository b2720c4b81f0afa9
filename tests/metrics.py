"""The metrics of a service, as the tests read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.running import Service


@dataclass(frozen=True)
class Scrape:
    """The samples that a service told at once."""

    samples: Mapping[str, Mapping[frozenset[tuple[str, str]], float]]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of one sample; None where the service does not tell it."""
        return self.samples.get(name, {}).get(frozenset(labels.items()))

    def labels(self, name: str) -> set[str]:
        """Return all values of labels of a metric."""
        return {value for labels in self.samples.get(name, {}) for _, value in labels}

    @property
    def failed(self) -> set[str]:
        """The gauges that have no value."""
        return {dict(of)["gauge"] for of, value in self.samples["ntm_gauge_failed"].items() if value}


async def scraped(service: Service) -> Scrape:
    """Return what a service tells now."""
    async with service.client() as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return Scrape(found)


async def told(service: Service, name: str, **labels: str) -> float | None:
    """Return the value of one sample; None where the service does not tell it."""
    return (await scraped(service)).value(name, **labels)

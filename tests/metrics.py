"""What a service tells Prometheus, as the tests read it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.running import Service

type Labels = frozenset[tuple[str, str]]


async def scraped(service: Service, **headers: str) -> dict[str, dict[Labels, float]]:
    """Return the samples that a service tells, by their name and labels."""
    async with service.client() as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


async def told(service: Service, name: str, **labels: str) -> float | None:
    """Return the value of one sample; None where the service does not tell it."""
    return (await scraped(service)).get(name, {}).get(frozenset(labels.items()))

"""The container of the service that makes PDF files: what docker-compose.yml lets it have and reach."""

from __future__ import annotations

from pathlib import Path

import yaml

COMPOSE = yaml.safe_load((Path(__file__).parents[3] / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def test_it_shares_its_network_with_scoring_alone_which_leads_nowhere_else() -> None:
    assert SERVICES["pdf"]["networks"] == ["pdf"]
    assert COMPOSE["networks"]["pdf"]["internal"] is True
    others = {name for name, service in SERVICES.items() if "pdf" in service.get("networks", ["default"])}
    assert others == {"pdf", "scoring"}
    assert "default" in SERVICES["scoring"]["networks"], "it reaches the database and the broker as ever"


def test_it_has_no_secret_no_data_and_no_published_port() -> None:
    assert SERVICES["pdf"]["environment"] == {"UVICORN_PORT": 8004}
    assert not {"volumes", "ports", "secrets", "env_file"} & SERVICES["pdf"].keys()

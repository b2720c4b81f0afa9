"""What docker-compose.yml puts beside the services: an office's own files, and LibreOffice for `.pdf` reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os.path import normpath
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import SecretStr

from services.intake.settings import IntakeSettings
from services.notify.settings import NotifySettings
from services.scoring.settings import ScoringSettings
from shared.service.settings import ServiceSettings

ROOT = Path(__file__).parents[3]
_NAMED = re.compile(r"\$\{(\w+)(?:(:?[-+?])([^}]*))?\}")


def interpolated(text: str, settings: Mapping[str, str]) -> str:
    """Return a value of the file as Compose reads it: `${A}`, `${A:-else}`, `${A-else}`, `${A:+then}`."""

    def value(found: re.Match[str]) -> str:
        name, sign, other = found[1], found[2] or "", found[3] or ""
        given = settings.get(name)
        has_value = bool(given) if sign.startswith(":") else given is not None
        if sign.endswith("+"):
            return other if has_value else ""
        return (given or "") if has_value else other if sign.endswith("-") else ""

    return _NAMED.sub(value, text)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def mounts(part: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the sources of a part's mounts by the places at which it sees them."""
    shared = (interpolated(volume, settings).split(":") for volume in part["volumes"])
    return {target: source for source, target, *_ in shared}


@pytest.mark.parametrize(
    ("file", "variable"), [("NTM_MAP_FILE", "NTM_MAP"), ("NTM_REPORT_TEMPLATE_FILE", "NTM_REPORT_TEMPLATE")]
)
def test_a_file_of_the_office_is_put_where_scoring_looks_for_it_and_none_where_none_is_named(
    compose: dict[str, Any], file: str, variable: str
) -> None:
    part, named = compose["services"]["scoring"], {file: "/srv/ntm/own"}
    assert mounts(part, named)[interpolated(part["environment"][variable], named)] == "/srv/ntm/own"
    assert interpolated(part["environment"][variable], {}) == ""
    assert "/srv/ntm/own" not in mounts(part, {}).values()


def test_without_a_file_scoring_starts_and_draws_tiles(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = compose["services"]["scoring"]["environment"]["NTM_MAP"]
    monkeypatch.setenv("NTM_DATABASE_URL", "postgresql+asyncpg://")
    monkeypatch.setenv("NTM_MAP", interpolated(variable, {}))
    assert ScoringSettings().map is None


def test_evidence_is_scanned_by_clamav_of_a_fixed_version_which_reaches_intake_alone(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    services, networks = compose["services"], compose["networks"]
    clamav = services["clamav"]
    assert clamav["profiles"] == ["clamav"]
    assert re.fullmatch(r"clamav/clamav:\d+\.\d+", clamav["image"])
    members = {
        network: {name for name, part in services.items() if network in part.get("networks", ())}
        for network in clamav["networks"]
    }
    assert members == {"clamav": {"clamav", "intake"}, "signatures": {"clamav"}}
    assert networks["clamav"] == {"internal": True}
    assert "default" in services["intake"]["networks"]
    assert not clamav.keys() & {"environment", "env_file", "secrets", "ports"}
    assert clamav["volumes"] == ["clamav:/var/lib/clamav"]
    assert not [name for name, part in services.items() if name != "clamav" and "clamav:" in str(part.get("volumes"))]
    assert services["intake"]["environment"]["NTM_CLAMAV"] is None  # what .env says
    monkeypatch.setenv("NTM_DATABASE_URL", "postgresql+asyncpg://")
    monkeypatch.setenv("NTM_CLAMAV", "clamav:3310")  # as deploy/README.md says
    assert IntakeSettings().clamav == "clamav:3310"
    assert "`NTM_CLAMAV=clamav:3310`" in (ROOT / "deploy/README.md").read_text(encoding="utf-8")


def test_pdf_is_made_in_an_image_of_its_own_which_reaches_scoring_alone(compose: dict[str, Any]) -> None:
    services = compose["services"]
    pdf, scoring = services["pdf"], services["scoring"]
    assert pdf["profiles"] == ["pdf"]
    assert {name for name, part in services.items() if "pdf" in part.get("networks", ())} == {"pdf", "scoring"}
    assert pdf["networks"] == ["pdf"]
    assert compose["networks"]["pdf"]["internal"] is True
    assert pdf["environment"].keys() == {"UVICORN_PORT"}
    assert "volumes" not in pdf
    address = interpolated(scoring["environment"]["NTM_PDF_URL"], {})
    assert address == f"http://pdf:{pdf['environment']['UVICORN_PORT']}"
    image = (ROOT / pdf["build"]["dockerfile"]).read_text(encoding="utf-8")
    assert {"libreoffice-writer-nogui", "fonts-liberation"} <= set(image.split())
    *_, last_user = re.findall(r"^USER (.+)$", image, re.M)
    assert not last_user.startswith(("root", "0"))


def test_each_secret_may_stand_in_a_file_that_only_those_see_who_have_the_setting(compose: dict[str, Any]) -> None:
    for name, part in compose["services"].items():
        env = part.get("environment", {})
        mounted = set(part.get("secrets", ()))
        named = {str(value).rpartition("/run/secrets/")[2].rstrip("}") for key, value in env.items()
                 if key.endswith("_FILE") and "/run/secrets/" in str(value)}  # fmt: skip
        assert named == mounted or name == "prometheus", name  # which reads it by its configuration
        for key, value in env.items():
            if "/run/secrets/" in str(value):
                assert key.removesuffix("_FILE") in env, f"{name}: {key}"
    files = {name: one["file"] for name, one in compose["secrets"].items() if name != "pip_conf"}
    assert all(interpolated(file, {}) == "/dev/null" for file in files.values())
    kinds = (ServiceSettings, IntakeSettings, ScoringSettings, NotifySettings)
    secrets = {
        f"NTM_{field}_FILE".upper()
        for kind in kinds for field, info in kind.model_fields.items()
        if info.annotation is SecretStr or SecretStr in get_args(info.annotation)
    } - {"NTM_DATABASE_URL_FILE"}  # fmt: skip
    assert secrets <= compose["services"]["notify"]["environment"].keys()


def test_caddy_alone_has_the_services_ports_and_reaches_neither_broker_nor_database(compose: dict[str, Any]) -> None:
    services, caddy = compose["services"], compose["services"]["caddy"]
    assert caddy["networks"] == ["doors"]
    members = {name for name, part in services.items() if "doors" in part.get("networks", ())}
    assert members == {"caddy", "prometheus", "intake", "scoring", "notify"}
    assert not [name for name in members - {"caddy", "prometheus"} if "ports" in services[name]], (
        "they could not be scaled"
    )
    published = {interpolated(port, {}).rpartition(":")[2]: interpolated(port, {}) for port in caddy["ports"]}
    assert published["8002"] == "127.0.0.1:8002:8002"
    assert published["443"] == "127.0.0.1::443", "a port that Docker chooses"
    assert "/var/run/docker.sock" not in str(caddy)
    assert caddy["read_only"] is True
    assert caddy["cap_drop"] == ["ALL"]
    assert caddy["user"] == compose["services"]["nats"]["user"] == "10001:10001"


def test_a_province_s_broker_finds_every_file_that_its_configuration_includes(compose: dict[str, Any]) -> None:
    over = yaml.safe_load((ROOT / "docker-compose.province.yml").read_text(encoding="utf-8"))
    assert over.keys() == {"services"}
    assert over["services"].keys() == {"nats"}
    nats = over["services"]["nats"]
    assert nats.keys() == {"command", "volumes"}, "all else stays as it is"
    settings = {"NTM_NATIONAL_FILE": "/srv/national.conf", "NTM_NATIONAL_CA_FILE": "/srv/ca.crt"}
    # Compose joins the volumes of both files by the places at which they are seen
    seen = {**mounts(compose["services"]["nats"], settings), **mounts(nats, settings)}
    named, configuration = nats["command"]
    assert named == "--config"
    text = (ROOT / seen[configuration]).read_text(encoding="utf-8")
    included = [normpath(Path(configuration).parent / name) for name in re.findall(r'^include "(.+)"$', text, re.M)]
    assert len(included) == 2
    assert {seen[place] for place in included} == {"./deploy/nats/nats.conf", "/srv/national.conf"}
    assert seen["/etc/nats/national/ca.crt"] == "/srv/ca.crt"
    guide = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
    assert "--ca-file /etc/nats/national/ca.crt" in guide, "so that the office's file names it there"
    assert all(f"${{{name}:?" in str(nats["volumes"]) for name in settings), "Compose stops where one is not set"

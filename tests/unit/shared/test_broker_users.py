"""The users' files: whoever is interrupted or asked twice, no program is locked out, and no name opens more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nkeys
import pytest

from shared.nats.roles import ROLES, agency
from shared.nats.users import UnknownUserError, make_users, remove, renew, retire, seed_file, server_file

ROOT = Path(__file__).parents[3]


def public_key(seed: Path) -> str:
    return str(nkeys.from_seed(bytearray(seed.read_bytes())).public_key.decode())


def test_users_that_are_there_stay(tmp_path: Path) -> None:
    assert make_users(tmp_path) == [role.name for role in ROLES]
    before = server_file(tmp_path).read_text()
    assert make_users(tmp_path) == []
    assert server_file(tmp_path).read_text() == before
    assert make_users(tmp_path, ["x"]) == ["agency-x"]


def test_a_key_that_is_renewed_twice_stays_good_until_it_is_retired(tmp_path: Path) -> None:
    make_users(tmp_path)
    keys = [public_key(seed_file(tmp_path, "notify"))]
    for _ in range(2):
        renew(tmp_path, "notify")
        keys.append(public_key(seed_file(tmp_path, "notify")))
        assert all(key in server_file(tmp_path).read_text() for key in keys)
    retire(tmp_path, "notify")
    assert [key in server_file(tmp_path).read_text() for key in keys] == [False, False, True]


def test_an_agencys_user_is_removed_and_no_other(tmp_path: Path) -> None:
    make_users(tmp_path, ["x", "y"])
    key = public_key(seed_file(tmp_path, "agency-x"))
    remove(tmp_path, "agency-x")
    assert key not in server_file(tmp_path).read_text()
    assert not seed_file(tmp_path, "agency-x").exists()
    assert "ntm.v1.intake.submit.y" in server_file(tmp_path).read_text()
    for user in ("agency-x", "intake", "nobody"):
        with pytest.raises(UnknownUserError):
            remove(tmp_path, user)
    for change in (renew, retire):
        with pytest.raises(UnknownUserError):
            change(tmp_path, "nobody")


@pytest.mark.parametrize("name", ["*", ">", "a.b", "a.>", "", "a b", "../intake", "A", 'a"'])
def test_no_agency_has_a_name_that_opens_other_subjects(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="agency"):
        agency(name)
    make_users(tmp_path)
    with pytest.raises(ValueError, match="agency"):
        make_users(tmp_path, [name])


def test_no_role_but_those_that_manage_streams_may_use_a_wildcard_of_the_api() -> None:
    for role in ROLES:
        if role.name not in ("migrate", "office"):
            for subject in role.publish:
                if subject.startswith("$JS.API") and "DIRECT.GET" not in subject:
                    # a consumer's call ends with the subjects that it is for
                    named = subject.partition(".ntm.")[0]
                    assert not {"*", ">"} & set(named), (role.name, subject)


def test_the_services_account_lets_nobody_else_import_what_a_role_does_not_need(tmp_path: Path) -> None:
    make_users(tmp_path, ["x"])
    accounts = json.loads(server_file(tmp_path).read_text().partition("accounts: ")[2])
    exported = {
        (next(iter(export.values())), importer)
        for export in accounts["NTM"]["exports"]
        for importer in export["accounts"]
    }
    needed = {(subject, role.account) for role in ROLES for subject in (*role.publish, *role.subscribe)}
    of_office = {pair for pair in exported if pair[1] == "OFFICE"}
    of_nation = {pair for pair in exported if pair[1] == "NATIONAL"}
    assert exported - of_office - of_nation <= needed
    assert {subject for subject, _ in of_nation} == {
        "mirror.national.STATUS",
        "$JS.API.CONSUMER.INFO.STATUS.national-count",
        "$JS.API.CONSUMER.INFO.STATUS.national-mirror",
        "$JS.API.CONSUMER.RESET.STATUS.national-mirror",
        "$JS.FC.STATUS.national-mirror.>",
    }
    assert {subject for subject, _ in of_office} == {
        f"{kind}.{stream}{rest}"
        for stream in ("STATUS", "ALERTS")
        for kind, rest in (
            ("mirror.deliver", ""),
            ("$JS.API.CONSUMER.RESET", ".office-mirror"),
            ("$JS.FC", ".office-mirror.>"),
        )
    }


def test_each_user_has_a_folder_in_the_image_and_a_volume_of_its_own() -> None:
    """A volume takes over who owns its folder in the image; without one it belongs to root, and nobody may write."""
    image, compose = ((ROOT / name).read_text() for name in ("deploy/Dockerfile", "docker-compose.yml"))
    for role in ROLES:
        if f"user-{role.name}:" in compose:
            assert f" /users/{role.name} " in image, role.name
    of_users = set(re.findall(r"- user-([a-z-]+):/users/", compose))
    assert of_users <= {role.name for role in ROLES}
    assert {"repair", "backup", "operator"} <= of_users

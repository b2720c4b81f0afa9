"""The matrix of rights: who may do what on every operation of the three services.

A key has units, each with everything below it, and criteria (`*`: all, and what belongs to none). A person who signs in
has the same, and a role beside them: what the role may not do the person does not, whatever the scope. This table is
what handlers keep by `Caller`'s methods, and `shared/http/dependencies.py` for roles;
`tests/integration/test_rights.py` tries each operation with every kind of key and every role, and an operation that
does not stand here stops its service's document from being made.

Reading asks for the unit alone: the offices of a district see how its communes stand in all criteria. Whatever writes,
hides, or makes the system write to somebody asks for the criteria too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from shared.access.caller import Role
from shared.access.roles import ROLES

type Level = Literal["none", "own", "district", "province"]
"""The unit that a key has to cover: none, the one that the operation is about, its district, the province."""

type Criteria = Literal["any", "own", "all"]
"""The criteria that a key needs: any, those that the operation is about, all."""


class Right(NamedTuple):
    """The rights that a key needs for an operation."""

    units: Level = "own"
    criteria: Criteria = "any"
    agency: Literal["any", "own", "or_own"] = "any"
    """`own`: only for what the key's agency made itself; `or_own`: for that too, in the agency's units and criteria."""
    coordinator: bool = False
    """Whether the coordinator (a key for the province and all criteria) may do it to what other agencies made."""
    words: str = ""
    people: frozenset[Role] = frozenset({"commune", "unit", "sector", "coordinator"})
    """The roles of people who may, within the person's units and criteria."""

    @property
    def by_key(self) -> bool:
        """Whether a key opens the operation at all; a gateway's delivery report has a secret of its own."""
        return self.words != _SECRET


_SECRET = "the secret of NTM_SMS_REPORT_TOKEN, no key"  # noqa: S105 - the name of a setting
_JUDGES: frozenset[Role] = frozenset({"unit", "sector", "coordinator"})
_KEEPERS: frozenset[Role] = _JUDGES | {"administrator"}
_PROVINCE: frozenset[Role] = frozenset({"coordinator", "administrator"})
_NOBODY: frozenset[Role] = frozenset()
_ANYBODY = Right("none", people=ROLES)
_READ = Right("own", people=ROLES)
_WRITE = Right("own", "own")

RIGHTS: Mapping[str, Right] = {
    "GET /v1/me": _ANYBODY,
    # intake
    "GET /v1/catalogue": _ANYBODY,
    "GET /v1/reports-due": _READ,
    "GET /v1/reviews-due": _READ,
    "GET /v1/forms/{report}": Right("own", "own", people=ROLES),
    "GET /v1/templates/{criteria}.xlsx": Right("own", "own", people=ROLES),
    "POST /v1/submissions": Right("own", "own", words="verified figures: the district; confirmed ones: the province"),
    "POST /v1/uploads": Right("own", "own", words="as for submissions"),
    "GET /v1/submissions": Right("own", words="without a unit: those of the key's agency", people=ROLES),
    "GET /v1/submissions/{submission_id}": Right("own", agency="or_own", people=ROLES),
    "GET /v1/refusals": Right("none", agency="own", people=ROLES),
    "POST /v1/submissions/{submission_id}/review": Right(
        "district", "own", words="to confirm: the province", people=_JUDGES
    ),
    "POST /v1/submissions/{submission_id}/withdraw": Right("district", "own", "or_own"),
    "POST /v1/evidence": Right("own", "own", words="the criteria of the figures"),
    "GET /v1/evidence": _READ,
    "GET /v1/evidence/{evidence_id}/file": Right("own", agency="or_own", people=ROLES),
    "POST /v1/evidence/{evidence_id}/withdraw": Right("province", "own", "or_own"),
    "POST /v1/problems": Right("own", "own", words="a disaster without a criterion: all criteria"),
    "GET /v1/problems": _READ,
    "GET /v1/problems/{problem_id}": _READ,
    "POST /v1/problems/{problem_id}/answers": Right("province", "own", "or_own", people=_JUDGES),
    "GET /v1/dossiers": _READ,
    "GET /v1/dossiers/{commune}/{set}": _READ,
    "POST /v1/dossiers/{commune}/{set}": Right("own", "own", words="by step: services/intake/rules/dossier_rights.py"),
    # scoring
    "GET /v1/summary": Right("district", words="only districts that the key covers wholly", people=ROLES),
    "GET /v1/map": _READ,
    "GET /v1/map/borders": _READ,
    "GET /v1/statuses": _READ,
    "GET /v1/communes/{code}": _READ,
    "GET /v1/changes": _READ,
    "GET /v1/changes/live": _READ,
    "GET /v1/series": _READ,
    "GET /v1/recognitions": _READ,
    "GET /v1/targets": _READ,
    "GET /v1/difficulties": _READ,
    "GET /v1/unacknowledged": _READ,
    "GET /v1/plan/findings": _ANYBODY,
    "GET /v1/nearest": _READ,
    "GET /v1/export.csv": _READ,
    "GET /v1/export.parquet": _READ,
    "GET /v1/reports/{month}.docx": _READ,
    "GET /v1/reports/{month}.xlsx": _READ,
    "GET /v1/reports/{month}.pdf": _READ,
    "POST /v1/what-if": Right("own", "own", people=ROLES),
    # notify
    "GET /v1/alerts": _READ,
    "GET /v1/alerts/counts": _READ,
    "POST /v1/alerts/{alert_id}/acknowledge": Right("own", "own", words="and an office of the key is told of it"),
    "GET /v1/notices": _READ,
    "GET /v1/notices/totals": _READ,
    "GET /v1/notices.csv": _READ,
    "POST /v1/notices/{notice_id}/resend": Right(
        "own", "all", words="the recipient's unit, and its role's criteria; a role without any: all", people=_KEEPERS
    ),
    "GET /v1/routes:explain": _READ,
    "GET /v1/silences": Right("none", words="they name no addresses", people=ROLES),
    "POST /v1/silences": Right(
        "own", "own", words="for the key's own offices; the coordinator for others", people=_JUDGES
    ),
    "DELETE /v1/silences/{silence_id}": Right("none", agency="own", coordinator=True, people=_JUDGES),
    "GET /v1/contacts": Right("own", words="and those of the province, with masked addresses", people=_KEEPERS),
    "GET /v1/contacts/gaps": _READ,
    "POST /v1/contacts": Right(
        "own", "all", words="the criteria of the role; a role without any: all", people=_KEEPERS
    ),
    "PUT /v1/contacts/{contact_id}": Right("own", "all", words="as for adding", people=_KEEPERS),
    "DELETE /v1/contacts/{contact_id}": Right("own", "all", words="as for adding", people=_KEEPERS),
    "POST /v1/contacts/import": Right(
        "own", "all", words="as for adding; to replace all: the coordinator", people=_KEEPERS
    ),
    "POST /v1/contacts/{contact_id}/personal-data": Right("province", "all", people=_PROVINCE),
    "POST /v1/contacts/{contact_id}/personal-data-requests": Right("province", "all", people=_PROVINCE),
    "GET /v1/personal-data-requests": Right("province", "all", people=_PROVINCE),
    "GET /v1/subscriptions": Right("none", agency="own", coordinator=True, people=ROLES),
    "POST /v1/subscriptions": Right("own", "own", people=_KEEPERS),
    "POST /v1/subscriptions/{subscription_id}/rotate": Right("own", "own", "own", people=_KEEPERS),
    "POST /v1/subscriptions/{subscription_id}/enable": Right("own", "own", "own", people=_KEEPERS),
    "POST /v1/subscriptions/{subscription_id}/replay": Right("own", "own", "own", people=_KEEPERS),
    "DELETE /v1/subscriptions/{subscription_id}": Right("own", "own", "own", coordinator=True, people=_KEEPERS),
    "GET /v1/delivery-reports/{gateway}": Right("none", words=_SECRET, people=_NOBODY),
    "POST /v1/delivery-reports/{gateway}": Right("none", words=_SECRET, people=_NOBODY),
}
"""The rights, by method and path. Operations of this name are the same in each service that has them."""

"""phone numbers of before 2018"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RENUMBERED = {
    "162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",
    "120": "70", "121": "79", "122": "77", "126": "76", "128": "78",
    "123": "83", "124": "84", "125": "85", "127": "81", "129": "82",
    "186": "56", "188": "58", "199": "59",
}  # fmt: skip


def upgrade() -> None:
    """Go forward: stored numbers get the prefixes that replaced theirs in 2018, and may be tried again."""
    renumber = sa.text(
        "UPDATE notify.address SET address = '+84' || :new || substr(address, 7), ended_at = NULL, ended_reason = NULL "
        "WHERE channel = 'sms' AND address ~ '^[+]84[0-9]{10}$' AND substr(address, 4, 3) = :old"
    )
    for old, new in _RENUMBERED.items():
        op.execute(renumber.bindparams(old=old, new=new))


def downgrade() -> None:
    """Go back: numbers of before 2018 reach nobody, so they stay replaced."""

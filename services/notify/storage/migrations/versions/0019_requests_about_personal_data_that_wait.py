"""requests about contacts' own data that wait to be carried out"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_OF_DONE = ("done_at", "done_by", "key", "notices", "answers")


def upgrade() -> None:
    """Go forward: programs of before write all of it still, and name requests that wait as unreadable."""
    for column in _OF_DONE:
        op.alter_column("personal_data", column, nullable=True, schema="notify")


def downgrade() -> None:
    """Go back: what waits is no line of the log."""
    op.execute(sa.text("DELETE FROM notify.personal_data WHERE done_at IS NULL"))
    for column in _OF_DONE:
        op.alter_column("personal_data", column, nullable=False, schema="notify")

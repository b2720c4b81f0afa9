"""alerts are told after their silence"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SILENCED = sa.text("left_out = 'silenced'")
_HELD_BACK = sa.text("left_out = 'silenced' AND released_at IS NULL")


def upgrade() -> None:
    """Go forward. What ended silences held back before stays untold, since it is no news any more."""
    op.add_column("mention", sa.Column("released_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")
    op.execute(
        "UPDATE notify.mention AS m SET released_at = s.ends_at FROM notify.silence AS s "
        "WHERE m.left_out = 'silenced' AND s.id = m.because AND s.ends_at <= now()"
    )
    op.create_index("mention_silenced", "mention", ["alert"], unique=False, schema="notify", postgresql_where=_SILENCED)
    op.create_index(
        "mention_held_back", "mention", ["because"], unique=False, schema="notify", postgresql_where=_HELD_BACK
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("mention_held_back", table_name="mention", schema="notify", postgresql_where=_HELD_BACK)
    op.drop_index("mention_silenced", table_name="mention", schema="notify", postgresql_where=_SILENCED)
    op.drop_column("mention", "released_at", schema="notify")

"""alerts by what they are about"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("opens AND ended_at IS NULL")


def upgrade() -> None:
    """Go forward."""
    op.drop_index("alert_open", table_name="alert", schema="notify", postgresql_where=_OPEN)
    op.create_index("alert_topic", "alert", ["unit", "topic"], unique=False, schema="notify")


def downgrade() -> None:
    """Go back."""
    op.drop_index("alert_topic", table_name="alert", schema="notify")
    op.create_index("alert_open", "alert", ["unit", "topic"], unique=False, schema="notify", postgresql_where=_OPEN)

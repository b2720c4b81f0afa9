"""zalo before sms"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: a notice to a phone may go by Zalo first; tokens of Zalo are renewed and kept."""
    no = sa.false()
    op.add_column(
        "notice", sa.Column("is_after_zalo", sa.Boolean(), nullable=False, server_default=no), schema="notify"
    )
    op.create_table(
        "zalo_token",
        sa.Column("app_id", sa.String(), primary_key=True),
        sa.Column("begun_with", sa.LargeBinary(), nullable=False),
        sa.Column("access_token", sa.String(), nullable=False),
        sa.Column("refresh_token", sa.String(), nullable=False),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=False),
        schema="notify",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("zalo_token", schema="notify")
    op.drop_column("notice", "is_after_zalo", schema="notify")

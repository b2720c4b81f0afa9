"""contacts choose their news"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: what asks for nothing stands in a weekly digest, unless a contact chooses otherwise."""
    op.add_column("contact", sa.Column("news", sa.String(), nullable=False, server_default="weekly"), schema="notify")
    op.alter_column("contact", "news", server_default=None, schema="notify")


def downgrade() -> None:
    """Go back."""
    op.drop_column("contact", "news", schema="notify")

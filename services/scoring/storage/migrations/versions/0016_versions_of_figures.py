"""units' figures have versions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "figure_version",
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("unit"),
        schema="scoring",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("figure_version", schema="scoring")

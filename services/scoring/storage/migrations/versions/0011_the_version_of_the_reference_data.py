"""the version of the reference data by which the state was judged"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlmodel.sql.sqltypes import AutoString

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "reference",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", AutoString(), nullable=True),
        sa.Column("since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        schema="scoring",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("reference", schema="scoring")

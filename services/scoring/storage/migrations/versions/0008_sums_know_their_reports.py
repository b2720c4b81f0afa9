"""sums know their reports, the age of their figures, and what they are compared with

The new amounts follow from figures and plan, so scoring fills the sums again at its next start (table `refill`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COUNTS = ("reports", "stale", "compared_units")
_AMOUNTS = (
    "before_numerator",
    "before_denominator",
    "new_numerator",
    "new_denominator",
    "first_numerator",
    "first_denominator",
)


def upgrade() -> None:
    """Go forward."""
    for names, kind in ((_COUNTS, sa.Integer()), (_AMOUNTS, sa.Numeric())):
        for name in names:
            column: sa.Column[object] = sa.Column(name, kind, server_default="0", nullable=False)
            op.add_column("step", column, schema="scoring")
    op.create_table(
        "refill", sa.Column("name", AutoString(), nullable=False), sa.PrimaryKeyConstraint("name"), schema="scoring"
    )
    op.execute("INSERT INTO scoring.refill (name) SELECT 'step' WHERE EXISTS (SELECT FROM scoring.reading)")


def downgrade() -> None:
    """Go back."""
    op.drop_table("refill", schema="scoring")
    for name in (*_COUNTS, *_AMOUNTS):
        op.drop_column("step", name, schema="scoring")

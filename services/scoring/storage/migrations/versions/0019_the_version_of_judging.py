"""the version of judging: a state of before has none, and is to be judged again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("reference", sa.Column("judging", sa.Integer(), nullable=True), schema="scoring")


def downgrade() -> None:
    """Go back."""
    op.drop_column("reference", "judging", schema="scoring")

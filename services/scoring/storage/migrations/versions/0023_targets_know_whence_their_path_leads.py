"""targets know the day from which their path leads, so that judging need not look for it through the year again

A program of before forgets it with the day on which a sum moved: see 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_FORGET = """
    CREATE OR REPLACE FUNCTION scoring.forget_moved_from() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {forgotten}
        RETURN NEW;
    END $$
"""


def upgrade() -> None:
    """Go forward."""
    op.add_column("target", sa.Column("path_from", sa.Date()), schema="scoring")
    op.execute(_FORGET.format(forgotten="NEW.moved_from = NULL; NEW.path_from = NULL;"))


def downgrade() -> None:
    """Go back."""
    op.execute(_FORGET.format(forgotten="NEW.moved_from = NULL;"))
    op.drop_column("target", "path_from", schema="scoring")

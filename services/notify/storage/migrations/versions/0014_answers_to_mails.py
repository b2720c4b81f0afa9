"""answers to mails"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: people answer mails; each answer is taken once."""
    op.create_table(
        "answer",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("notice", sa.Uuid(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        schema="notify",
    )
    op.create_index(
        "answer_notice", "answer", ["notice"], schema="notify", postgresql_where=sa.text("notice IS NOT NULL")
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("answer", schema="notify")

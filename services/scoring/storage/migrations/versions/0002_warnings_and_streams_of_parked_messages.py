"""parked messages are named by stream and number, readings keep their warnings"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    warnings = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.add_column("reading", sa.Column("warnings", warnings, nullable=True), schema="scoring")
    # the default names the one stream that was listened to, also for a version that does not know the column
    stream = sa.Column("stream", sa.String(), nullable=False, server_default="SUBMISSIONS")
    op.add_column("parked", stream, schema="scoring")
    op.drop_constraint("parked_pkey", "parked", schema="scoring")
    op.create_primary_key("parked_pkey", "parked", ["stream", "sequence"], schema="scoring")


def downgrade() -> None:
    """Go back."""
    op.drop_constraint("parked_pkey", "parked", schema="scoring")
    op.drop_column("parked", "stream", schema="scoring")
    op.create_primary_key("parked_pkey", "parked", ["sequence"], schema="scoring")
    op.drop_column("reading", "warnings", schema="scoring")

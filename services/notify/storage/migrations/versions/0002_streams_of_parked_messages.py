"""parked messages are named by stream and number"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    # the default names the one stream that was listened to, also for a version that does not know the column
    stream = sa.Column("stream", sa.String(), nullable=False, server_default="STATUS")
    op.add_column("parked", stream, schema="notify")
    op.drop_constraint("parked_pkey", "parked", schema="notify")
    op.create_primary_key("parked_pkey", "parked", ["stream", "sequence"], schema="notify")


def downgrade() -> None:
    """Go back."""
    op.drop_constraint("parked_pkey", "parked", schema="notify")
    op.drop_column("parked", "stream", schema="notify")
    op.create_primary_key("parked_pkey", "parked", ["sequence"], schema="notify")

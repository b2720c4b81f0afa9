"""Readings are looked up by the end of their period; verdicts are kept without their words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BREAKS_OLDER_PROGRAMS = True

_END_OF_PERIOD = """
    UPDATE scoring.reading SET ends = CASE
        WHEN period ~ '-H1$' THEN make_date(left(period, 4)::int, 6, 30)
        WHEN period ~ '-Q[1-4]$' THEN
            (make_date(left(period, 4)::int, right(period, 1)::int * 3, 1) + interval '1 month - 1 day')::date
        WHEN length(period) = 10 THEN period::date
        WHEN period ~ '^[0-9]{4}-[0-9]{2}$' THEN ((period || '-01')::date + interval '1 month - 1 day')::date
        ELSE make_date(left(period, 4)::int, 12, 31)
    END
"""


def upgrade() -> None:
    """Go forward."""
    op.add_column("reading", sa.Column("ends", sa.Date(), nullable=True), schema="scoring")
    op.execute(_END_OF_PERIOD)
    op.alter_column("reading", "ends", nullable=False, schema="scoring")
    op.drop_constraint("reading_pkey", "reading", schema="scoring")
    op.create_primary_key("reading_pkey", "reading", ["unit", "element", "ends", "period"], schema="scoring")
    overdue = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.add_column("status", sa.Column("overdue", overdue, nullable=True), schema="scoring")
    op.execute("UPDATE scoring.status SET overdue = assessment->'overdue'")
    op.alter_column("status", "overdue", nullable=False, schema="scoring")
    op.drop_column("status", "assessment", schema="scoring")
    op.drop_column("target", "assessment", schema="scoring")
    moved: sa.Column[bool] = sa.Column("moved", sa.Boolean(), nullable=False, server_default=sa.true())
    op.add_column("target", moved, schema="scoring")
    op.alter_column("target", "moved", server_default=None, schema="scoring")
    op.create_index("target_moved", "target", ["moved"], schema="scoring", postgresql_where=sa.text("moved"))
    op.create_index("submission_unit", "submission", ["unit"], schema="scoring")


def downgrade() -> None:
    """Go back to verdicts with words, which are written again as units are judged again."""
    none = "'{\"overdue\": []}'::jsonb"
    op.drop_index("submission_unit", table_name="submission", schema="scoring")
    op.drop_index("target_moved", table_name="target", schema="scoring")
    op.drop_column("target", "moved", schema="scoring")
    for table in ("target", "status"):
        column = sa.Column("assessment", postgresql.JSONB(), nullable=False, server_default=sa.text(none))
        op.add_column(table, column, schema="scoring")
        op.alter_column(table, "assessment", server_default=None, schema="scoring")
    op.drop_column("status", "overdue", schema="scoring")
    op.drop_constraint("reading_pkey", "reading", schema="scoring")
    op.drop_column("reading", "ends", schema="scoring")
    op.create_primary_key("reading_pkey", "reading", ["unit", "element", "period"], schema="scoring")

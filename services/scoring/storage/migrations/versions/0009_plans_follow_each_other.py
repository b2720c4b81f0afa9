"""plans follow each other"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEYS = {"step": ("commitment", "unit", '"on"'), "target": ("commitment", "unit")}


def upgrade() -> None:
    """Go forward: sums and verdicts of commitments are those of the plan by which they were judged.

    Processes of the version before wait from then on: they know no key with a plan. Where no process has recorded its
    plan yet, it is the only one that there was.
    """
    for table, key in _KEYS.items():
        op.execute(f"ALTER TABLE scoring.{table} ADD COLUMN plan VARCHAR")
        op.execute(
            f"UPDATE scoring.{table} SET plan = COALESCE((SELECT plan FROM scoring.plan), 'lang-son-2023')"  # noqa: S608
        )
        op.execute(f"ALTER TABLE scoring.{table} ALTER COLUMN plan SET NOT NULL")
        op.execute(f"ALTER TABLE scoring.{table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE scoring.{table} ADD PRIMARY KEY ({', '.join(('plan', *key))})")


def downgrade() -> None:
    """Go back, to the sums and verdicts of the newest plan."""
    newest = "(SELECT plan FROM scoring.plan ORDER BY since DESC LIMIT 1)"
    for table, key in _KEYS.items():
        op.execute(f"DELETE FROM scoring.{table} WHERE plan <> {newest}")  # noqa: S608
        op.execute(f"ALTER TABLE scoring.{table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE scoring.{table} ADD PRIMARY KEY ({', '.join(key)})")
        op.execute(f"ALTER TABLE scoring.{table} DROP COLUMN plan")

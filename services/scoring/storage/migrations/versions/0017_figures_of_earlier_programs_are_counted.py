"""figures that a program of before counts no version for are counted by the database

Such a program may still run beside this one while they are exchanged. Ours say by `ntm.counts_figures` that they count
themselves. A rebuild leaves the triggers behind with the table that it replaces: no program of before runs beside it.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TABLES = {"insert": "new", "update": "new", "delete": "old"}


def upgrade() -> None:
    """Go forward."""
    op.execute(
        """
        CREATE FUNCTION scoring.count_figure_versions() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO scoring.figure_version (unit, number)
            SELECT unit, 1 FROM (SELECT DISTINCT unit FROM changed) AS touched ORDER BY unit
            ON CONFLICT (unit) DO UPDATE SET number = figure_version.number + 1;
            RETURN NULL;
        END $$
        """
    )
    for event, table in _TABLES.items():
        op.execute(
            f"CREATE TRIGGER figures_counted_after_{event} AFTER {event} ON scoring.reading "
            f"REFERENCING {table} TABLE AS changed FOR EACH STATEMENT "
            "WHEN (current_setting('ntm.counts_figures', true) IS DISTINCT FROM 'yes') "
            "EXECUTE FUNCTION scoring.count_figure_versions()"
        )


def downgrade() -> None:
    """Go back."""
    op.execute("DROP FUNCTION scoring.count_figure_versions() CASCADE")

"""groups contacts silences subscriptions and escalations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BREAKS_OLDER_PROGRAMS = True


# What was said before: each notice told one alert, nothing was grouped, and nothing is open any more.
_FILL = (
    """
    UPDATE notify.alert SET
        kind = CASE WHEN body ? 'problem' THEN 'problem' ELSE body->>'kind' END,
        severity = CASE WHEN event = 'missed' THEN 'urgent'
            WHEN event IN ('fell_behind', 'lost', 'overdue', 'problem_reported') THEN 'warning'
            ELSE 'information' END,
        opens = event IN ('fell_behind', 'lost', 'missed', 'overdue', 'problem_reported'),
        ended_at = CASE WHEN event IN ('fell_behind', 'lost', 'missed', 'overdue', 'problem_reported')
            THEN raised_at END
    """,
    """
    UPDATE notify.notice n SET
        branch = '', unit = coalesce(a.district, a.unit), unit_code = a.body->'unit'->>'code', step = 0,
        thread = n.id, trace = a.trace, sample = a.sample
    FROM notify.alert a WHERE a.id = n.alert
    """,
    "INSERT INTO notify.mention (notice, alert) SELECT id, alert FROM notify.notice",
)


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="notify",
    )
    op.create_table(
        "gathering",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("waits", sa.String(), nullable=True),
        sa.Column("told_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="notify",
    )
    op.create_index(
        "gathering_due",
        "gathering",
        ["due_at"],
        unique=False,
        schema="notify",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "silence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="notify",
    )
    op.create_table(
        "spending",
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("cost_dong", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "day"),
        schema="notify",
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("match", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("previous_secret", sa.String(), nullable=True),
        sa.Column("previous_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("failing_since", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="notify",
    )
    op.create_table(
        "address",
        sa.Column("contact", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact"],
            ["notify.contact.id"],
        ),
        sa.PrimaryKeyConstraint("contact", "channel", "place"),
        schema="notify",
    )
    op.create_index("address_text", "address", ["channel", "address"], unique=False, schema="notify")
    op.create_table(
        "escalation",
        sa.Column("alert", sa.Uuid(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert"],
            ["notify.alert.id"],
        ),
        sa.PrimaryKeyConstraint("alert", "branch"),
        schema="notify",
    )
    op.create_index("escalation_due", "escalation", ["due_at"], unique=False, schema="notify")
    op.create_table(
        "gathered",
        sa.Column("gathering", sa.Uuid(), nullable=False),
        sa.Column("alert", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert"],
            ["notify.alert.id"],
        ),
        sa.ForeignKeyConstraint(
            ["gathering"],
            ["notify.gathering.id"],
        ),
        sa.PrimaryKeyConstraint("gathering", "alert"),
        schema="notify",
    )
    op.create_table(
        "mention",
        sa.Column("notice", sa.Uuid(), nullable=False),
        sa.Column("alert", sa.Uuid(), nullable=False),
        sa.Column("left_out", sa.String(), nullable=True),
        sa.Column("because", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert"],
            ["notify.alert.id"],
        ),
        sa.ForeignKeyConstraint(
            ["notice"],
            ["notify.notice.id"],
        ),
        sa.PrimaryKeyConstraint("notice", "alert"),
        schema="notify",
    )
    op.create_index("mention_alert", "mention", ["alert"], unique=False, schema="notify")
    op.add_column("alert", sa.Column("kind", sa.String(), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("severity", sa.String(), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("opens", sa.Boolean(), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("ended_by", sa.Uuid(), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("acknowledged_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("acknowledged_by", sa.String(), nullable=True), schema="notify")
    op.add_column("alert", sa.Column("acknowledged_note", sa.String(), nullable=True), schema="notify")
    op.create_index(
        "alert_open",
        "alert",
        ["unit", "topic"],
        unique=False,
        schema="notify",
        postgresql_where=sa.text("opens AND ended_at IS NULL"),
    )
    op.create_index(
        "alert_open_causes",
        "alert",
        ["district", "event"],
        unique=False,
        schema="notify",
        postgresql_where=sa.text("opens AND ended_at IS NULL"),
    )
    op.create_index(
        "attempt_provider",
        "attempt",
        ["provider_id"],
        unique=False,
        schema="notify",
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.add_column("notice", sa.Column("branch", sa.String(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("gathering", sa.Uuid(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("subscription", sa.Uuid(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("unit", sa.Integer(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("unit_code", sa.String(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("waited", sa.String(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("step", sa.Integer(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("thread", sa.Uuid(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("trace", sa.String(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("sample", sa.Boolean(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("reported_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("resent_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("parts", sa.Integer(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("cost_dong", sa.Integer(), nullable=True), schema="notify")
    op.add_column("notice", sa.Column("link_hash", sa.LargeBinary(), nullable=True), schema="notify")
    op.drop_index(op.f("notice_of_alert"), table_name="notice", schema="notify")
    op.create_index(
        "notice_gathering",
        "notice",
        ["gathering"],
        unique=False,
        schema="notify",
        postgresql_where=sa.text("gathering IS NOT NULL"),
    )
    op.create_index("notice_request", "notice", ["request_id"], unique=False, schema="notify")
    op.create_index(
        "notice_link",
        "notice",
        ["link_hash"],
        unique=True,
        schema="notify",
        postgresql_where=sa.text("link_hash IS NOT NULL"),
    )
    for statement in _FILL:
        op.execute(statement)
    op.alter_column("alert", "kind", nullable=False, schema="notify")
    op.alter_column("alert", "severity", nullable=False, schema="notify")
    op.alter_column("alert", "opens", nullable=False, schema="notify")
    op.alter_column("notice", "branch", nullable=False, schema="notify")
    op.alter_column("notice", "unit", nullable=False, schema="notify")
    op.alter_column("notice", "unit_code", nullable=False, schema="notify")
    op.alter_column("notice", "step", nullable=False, schema="notify")
    op.alter_column("notice", "thread", nullable=False, schema="notify")
    op.alter_column("notice", "sample", nullable=False, schema="notify")
    op.drop_constraint(op.f("notice_alert_fkey"), "notice", schema="notify", type_="foreignkey")
    op.create_foreign_key(
        "notice_gathering_fkey",
        "notice",
        "gathering",
        ["gathering"],
        ["id"],
        source_schema="notify",
        referent_schema="notify",
    )
    op.drop_column("notice", "alert", schema="notify")


def downgrade() -> None:
    """Go back."""
    op.add_column("notice", sa.Column("alert", sa.UUID(), nullable=True), schema="notify")
    # A notice of several alerts, or of none, is one that the tables before cannot say.
    op.execute(
        "UPDATE notify.notice n SET alert = "
        "(SELECT min(m.alert::text)::uuid FROM notify.mention m WHERE m.notice = n.id)"
    )
    op.alter_column("notice", "alert", nullable=False, schema="notify")
    op.drop_constraint("notice_gathering_fkey", "notice", schema="notify", type_="foreignkey")
    op.create_foreign_key(
        op.f("notice_alert_fkey"),
        "notice",
        "alert",
        ["alert"],
        ["id"],
        source_schema="notify",
        referent_schema="notify",
    )
    op.drop_index("notice_request", table_name="notice", schema="notify")
    op.drop_index(
        "notice_link", table_name="notice", schema="notify", postgresql_where=sa.text("link_hash IS NOT NULL")
    )
    op.drop_index(
        "notice_gathering", table_name="notice", schema="notify", postgresql_where=sa.text("gathering IS NOT NULL")
    )
    op.create_index(
        op.f("notice_of_alert"), "notice", ["alert", "recipient", "channel", "address"], unique=True, schema="notify"
    )
    op.drop_column("notice", "link_hash", schema="notify")
    op.drop_column("notice", "cost_dong", schema="notify")
    op.drop_column("notice", "parts", schema="notify")
    op.drop_column("notice", "resent_at", schema="notify")
    op.drop_column("notice", "reported_at", schema="notify")
    op.drop_column("notice", "sample", schema="notify")
    op.drop_column("notice", "trace", schema="notify")
    op.drop_column("notice", "thread", schema="notify")
    op.drop_column("notice", "step", schema="notify")
    op.drop_column("notice", "waited", schema="notify")
    op.drop_column("notice", "unit_code", schema="notify")
    op.drop_column("notice", "unit", schema="notify")
    op.drop_column("notice", "subscription", schema="notify")
    op.drop_column("notice", "gathering", schema="notify")
    op.drop_column("notice", "branch", schema="notify")
    op.drop_index(
        "attempt_provider", table_name="attempt", schema="notify", postgresql_where=sa.text("provider_id IS NOT NULL")
    )
    op.drop_index(
        "alert_open_causes", table_name="alert", schema="notify", postgresql_where=sa.text("opens AND ended_at IS NULL")
    )
    op.drop_index(
        "alert_open", table_name="alert", schema="notify", postgresql_where=sa.text("opens AND ended_at IS NULL")
    )
    op.drop_column("alert", "acknowledged_note", schema="notify")
    op.drop_column("alert", "acknowledged_by", schema="notify")
    op.drop_column("alert", "acknowledged_at", schema="notify")
    op.drop_column("alert", "ended_by", schema="notify")
    op.drop_column("alert", "ended_at", schema="notify")
    op.drop_column("alert", "opens", schema="notify")
    op.drop_column("alert", "severity", schema="notify")
    op.drop_column("alert", "kind", schema="notify")
    op.drop_index("mention_alert", table_name="mention", schema="notify")
    op.drop_table("mention", schema="notify")
    op.drop_table("gathered", schema="notify")
    op.drop_index("escalation_due", table_name="escalation", schema="notify")
    op.drop_table("escalation", schema="notify")
    op.drop_index("address_text", table_name="address", schema="notify")
    op.drop_table("address", schema="notify")
    op.drop_table("subscription", schema="notify")
    op.drop_table("spending", schema="notify")
    op.drop_table("silence", schema="notify")
    op.drop_index(
        "gathering_due", table_name="gathering", schema="notify", postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.drop_table("gathering", schema="notify")
    op.drop_table("contact", schema="notify")

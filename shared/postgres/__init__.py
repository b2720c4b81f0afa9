"""PostgreSQL: engines, statements for many rows at once, migrations."""

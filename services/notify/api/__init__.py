"""What notify answers over HTTP, a module for each thing."""

from services.notify.api import acknowledgements, alerts, contacts, notices, reports, routes, silences, subscriptions

ROUTERS = [
    alerts.router,
    notices.router,
    acknowledgements.router,
    routes.router,
    silences.router,
    subscriptions.router,
    contacts.router,
    reports.router,
]

__all__ = ["ROUTERS"]

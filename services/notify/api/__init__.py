"""Notify's HTTP routes, a module for each resource."""

from services.notify import web
from services.notify.api import (
    acknowledgements,
    alerts,
    contacts,
    delivery_reports,
    notices,
    personal_data,
    routes,
    silences,
    subscriptions,
)
from shared.http import me

ROUTERS = [
    web.router,
    me.router,
    alerts.router,
    notices.router,
    acknowledgements.router,
    routes.router,
    silences.router,
    subscriptions.router,
    contacts.router,
    personal_data.router,
    delivery_reports.router,
]

__all__ = ["ROUTERS"]

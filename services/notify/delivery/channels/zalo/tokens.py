"""The access token of Zalo: it ends after about a day, and a refresh token that is good for once gets the next pair.

The pairs stand in the database, so that all processes use one and a restart knows the newest. The first refresh token
comes from the settings; another one there (an administrator has allowed the app again) takes the place of what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.delivery.channels.http import answer_object
from services.notify.delivery.channels.zalo.settings import ZaloSettings
from services.notify.storage import zalo_tokens
from services.notify.storage.zalo_tokens import StoredToken
from shared.time import utc_now

log = structlog.get_logger()

PATH = "/v4/oa/access_token"
_EARLY = timedelta(minutes=5)
"""A token that ends so soon is renewed before it is used."""
_KNOWN_SECONDS = 3600
"""How long a token is held to be good where Zalo does not say."""


class NotRenewedError(Exception):
    """Zalo gives no new access token: an administrator has to allow the app again."""


class _Pair(NamedTuple):
    access: str
    ends_at: datetime


class Tokens:
    """The access token of our app, renewed when it ends."""

    def __init__(self, engine: AsyncEngine, settings: ZaloSettings) -> None:
        self._engine, self._settings = engine, settings
        self._pair: _Pair | None = None

    async def current(self, client: aiohttp.ClientSession) -> str:
        """Return an access token that has not ended yet; raise NotRenewedError where there is none."""
        pair = self._pair
        if pair is None or pair.ends_at < utc_now() + _EARLY:
            return await self.renewed(client, None)
        return pair.access

    async def renewed(self, client: aiohttp.ClientSession, refused: str | None) -> str:
        """Return an access token other than the refused one; of all processes one renews it, the others wait for it."""
        first = self._settings.zalo_refresh_token.get_secret_value()
        begun_with = sha256(first.encode()).digest()
        async with self._engine.begin() as connection:
            kept = await zalo_tokens.locked(connection, self._settings.zalo_app_id)
            if kept and kept.begun_with != begun_with:
                kept = None
            if kept and kept.access_token != refused and kept.ends_at > utc_now() + _EARLY:
                self._pair = _Pair(kept.access_token, kept.ends_at)
            else:
                self._pair = await self._renew(client, connection, kept.refresh_token if kept else first, begun_with)
        return self._pair.access

    async def _renew(
        self, client: aiohttp.ClientSession, connection: AsyncConnection, refresh_token: str, begun_with: bytes
    ) -> _Pair:
        app = self._settings.zalo_app_id
        form = {"refresh_token": refresh_token, "app_id": app, "grant_type": "refresh_token"}
        headers = {"secret_key": self._settings.zalo_app_secret.get_secret_value()}
        url = f"{self._settings.zalo_oauth_url.rstrip('/')}{PATH}"
        async with client.post(url, data=form, headers=headers, allow_redirects=False) as response:
            answer = await answer_object(response)
        access, following = answer.get("access_token"), answer.get("refresh_token")
        if not access or not following:
            raise NotRenewedError(f"no new access token: error {answer.get('error', response.status)}")
        ends_at = utc_now() + timedelta(seconds=_seconds(answer))
        await zalo_tokens.keep(connection, StoredToken(app, begun_with, str(access), str(following), ends_at))
        log.info("access token of Zalo renewed", ends_at=ends_at.isoformat())
        return _Pair(str(access), ends_at)


def _seconds(answer: Mapping[str, Any]) -> int:
    words = str(answer.get("expires_in", ""))
    return int(words) if words.isdecimal() else _KNOWN_SECONDS

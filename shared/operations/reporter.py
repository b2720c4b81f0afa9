"""Reporting troubles of the system: on the broker, and where nobody takes the report, to the operators directly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.trouble import DETAILS_LIMIT, TroubleReported
from shared.masking import mask
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import BrokerUnavailableError, publish
from shared.operations.catalogue import CATALOGUE, OF_THE_SYSTEM, Code
from shared.operations.direct_tellings import DirectTellings
from shared.operations.letter import Told
from shared.operations.sending import NotSentError, send, ways
from shared.settings import Settings
from shared.time import utc_now

log = structlog.get_logger()

REPEATED_AFTER = timedelta(minutes=1)
"""A trouble that lasts is reported again after this time: another process may have reported its end."""

_TAKEN_WITHIN = timedelta(minutes=1)
"""The time in which notify takes a report; after it the service tells the operators by itself."""

_STARTS_WITHIN = 30
"""The seconds after which a broker that was not reached yet is a trouble."""

_SAME = timedelta(hours=1)
"""A trouble that another process told so long before this one saw it counts as told."""

_LOOK_SECONDS = 1

type Check = Callable[[], Awaitable[Mapping[Code, Bilingual | None]]]
"""Looks for troubles: those that are there, each with details. An error tells nothing."""


@dataclass
class _Report:
    """The standing of a code in this process."""

    code: Code
    is_raised: bool
    since: datetime
    details: Bilingual | None = None
    published_at: datetime | None = None
    sequence: int | None = None
    is_taken: bool = False
    told_at: datetime | None = None


class Operations:
    """The troubles that a process knows. `raised` and `cleared` only note them; `run` reports them."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service = service
        self._settings = settings
        self._nats: Client | None = None
        self._reports: dict[Code, _Report] = {}
        self._found_by: dict[Code, set[int]] = {}
        self._changed = asyncio.Event()
        self._direct = DirectTellings(settings)

    def attach(self, nats: Client) -> None:
        """Report by this connection from now on."""
        self._nats = nats
        self.cleared(Code.BROKER)

    @property
    def standing(self) -> Mapping[Code, bool]:
        """Each code, with whether this process knows that trouble now."""
        return {code: code in self._reports and self._reports[code].is_raised for code in Code}

    def raised(self, code: Code, details: Bilingual | None = None) -> None:
        """Note that a trouble is there, or still there."""
        if details:
            details = Bilingual(vi=mask(details.vi)[:DETAILS_LIMIT], en=mask(details.en)[:DETAILS_LIMIT])
        report = self._reports.get(code)
        if report and report.is_raised:
            report.details = details
            return
        log.error("trouble", code=code.value, details=details and details.en, remedy=CATALOGUE[code].remedy.en)
        self._reports[code] = _Report(code, True, utc_now(), details)
        self._changed.set()

    def cleared(self, code: Code) -> None:
        """Note that a trouble is not there, or no longer; said once even where it was not raised here."""
        report = self._reports.get(code)
        if report is None:
            self._reports[code] = _Report(code, False, utc_now())
        elif report.is_raised:
            log.warning("trouble ended", code=code.value)
            told = report.told_at
            self._reports[code] = _Report(code, False, report.since, report.details, told_at=told)
        else:
            return
        self._changed.set()

    def again(self, code: Code) -> None:
        """Report once more that a trouble is not there: who hears nothing for long then knows that nobody looks."""
        report = self._reports.get(code)
        if report and not report.is_raised:
            report.published_at = None
            self._changed.set()

    async def watch(
        self, codes: Sequence[Code], check: Check, every_seconds: float | None = None, failures: int = 3
    ) -> None:
        """Look for these troubles until cancelled; each is raised when so many looks in a row have found it.

        `every_seconds`: the pause between two looks; None: that of the settings. Several may look for one code by
        different checks: it is there as long as one of them finds it.
        """
        in_a_row, own = dict.fromkeys(codes, 0), id(check)
        while True:
            try:
                found = await check()
            except Exception as error:  # noqa: BLE001 - a worker's edge: what cannot be looked at stays as it was
                log.warning("check failed", codes=[code.value for code in codes], error=str(error))
            else:
                for code in codes:
                    in_a_row[code] = in_a_row[code] + 1 if code in found else 0
                    finders = self._found_by.setdefault(code, set())
                    if code not in found:
                        finders.discard(own)
                        if not finders:
                            self.cleared(code)
                    elif in_a_row[code] >= failures:
                        finders.add(own)
                        self.raised(code, found[code])
            await asyncio.sleep(self._settings.watch_seconds if every_seconds is None else every_seconds)

    async def run(self) -> None:
        """Report changes at once, and what lasts again and again, until cancelled."""
        began = asyncio.get_running_loop().time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            if self._nats is None and asyncio.get_running_loop().time() - began > _STARTS_WITHIN:
                self.raised(Code.BROKER)
            for report in list(self._reports.values()):
                await self._report(report)

    async def _report(self, report: _Report) -> None:
        now = utc_now()
        repeats = report.is_raised and report.published_at and now - report.published_at >= REPEATED_AFTER
        if report.published_at is None or repeats:
            await self._publish(report)
        if not report.is_raised or report.is_taken or now - report.since < _TAKEN_WITHIN:
            return
        report.is_taken = await self._has_been_taken(report)
        if not report.is_taken:
            await self._tell(report)

    async def _publish(self, report: _Report) -> None:
        if self._nats is None or not self._nats.is_connected:
            return
        try:
            message = message_of(
                self.service,
                report.code,
                is_raised=report.is_raised,
                since=report.since,
                details=report.details,
                told_at=report.told_at,
            )
            (stored,) = await publish(self._nats, [message], wait_seconds=2)
        except BrokerUnavailableError as error:
            log.warning("report waits", code=report.code.value, error=str(error))
            return
        report.published_at = utc_now()
        report.sequence = report.sequence or stored.sequence

    async def _has_been_taken(self, report: _Report) -> bool:
        """Say whether notify has taken the report."""
        if self._nats is None or report.sequence is None:
            return False
        try:
            js = self._nats.jetstream(timeout=2)
            info = await js.consumer_info(subjects.OPERATIONS_STREAM, subjects.OPERATIONS_CONSUMER)
        except (NatsError, JetStreamError, OSError, TimeoutError):
            return False
        return info.ack_floor is not None and info.ack_floor.stream_seq >= report.sequence

    async def _tell(self, report: _Report) -> None:
        """Tell the operators of a trouble that notify has not taken, unless a process of this machine has told it."""
        entry = CATALOGUE[report.code]
        told = Told(
            self.service,
            report.code,
            "lasts" if report.told_at else "raised",
            report.since,
            None,
            *entry,
            report.details,
        )
        name = report.code.value if report.code in OF_THE_SYSTEM else f"{self.service}.{report.code}"
        for way in ways(self._settings):
            with self._direct.turn(f"{name}.{way}", report.since) as turn:
                if turn.is_due:
                    try:
                        await send(self._settings, way, [told], uuid4())
                    except NotSentError as error:
                        log.warning("operators not told", code=report.code.value, error=str(error))
                    else:
                        turn.done()
            is_of_this = turn.told_at is not None and turn.told_at >= report.since - _SAME
            if is_of_this and turn.told_at != report.told_at:
                report.told_at, report.published_at = turn.told_at, None


async def report_once(
    nats: Client, service: str, code: Code, *, is_raised: bool, details: Bilingual | None = None
) -> None:
    """Report a trouble, or its end, from a command that ends then. BrokerUnavailableError where it is not stored."""
    await publish(nats, [message_of(service, code, is_raised=is_raised, details=details)])


def message_of(
    service: str,
    code: Code,
    *,
    is_raised: bool,
    since: datetime | None = None,
    details: Bilingual | None = None,
    told_at: datetime | None = None,
) -> Message:
    """Return the message that reports a trouble or its end."""
    words, remedy = CATALOGUE[code]
    reported = TroubleReported(
        id=uuid4(),
        service=service,
        code=code,
        state="raised" if is_raised else "cleared",
        since=since or utc_now(),
        at=utc_now(),
        words=words,
        remedy=remedy,
        details=details,
        told_at=told_at,
    )
    return cloud_event(
        subjects.trouble(service, code),
        reported.model_dump_json().encode(),
        event_id=reported.id,
        kind=f"trouble.{reported.state}",
        source=service,
        at=reported.at,
    )

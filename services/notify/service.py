"""The running notify: one object that its subscribers, its workers and its routes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

import structlog
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.alerts.alert import Alert
from services.notify.alerts.answer import AnswerMeaning
from services.notify.alerts.events import read_alerts
from services.notify.alerts.links import Links
from services.notify.alerts.operator_turns import Patience
from services.notify.answers.mailbox import Mailbox
from services.notify.answers.reader import AnswersReader
from services.notify.answers.take_answer import Office, take_answer
from services.notify.contacts.book import checked_book
from services.notify.delivery.channels.configured import configured_channels
from services.notify.delivery.follow_up import FollowUp
from services.notify.delivery.worker import DeliveryWorker
from services.notify.gauges import of_alerts, of_gateways, of_notices
from services.notify.inspect.who_is_unreachable import gaps
from services.notify.operators.tell import Operators
from services.notify.rebuild import lack_what_was_told
from services.notify.routing.tree import Tree
from services.notify.settings import NotifySettings
from services.notify.sms_text import Style
from services.notify.storage.contacts import bring_contacts
from services.notify.storage.made_again import untold
from services.notify.storage.personal_data import waiting_too_long
from services.notify.storage.tables import AlertRow, OutboxRow, ParkedRow
from services.notify.telling.escalate import escalate
from services.notify.telling.hand_over import Handover
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.tell import tell
from services.notify.telling.tell_gathered import tell_gathered
from services.notify.telling.tell_silenced import tell_silenced
from services.notify.telling.tell_the_rest import Way, tell_the_rest, ways_left
from services.notify.telling.world_reader import WorldReader
from services.notify.texts import phrase
from services.notify.world import Stage, Tariff, World
from shared.access.authenticator import Authenticator
from shared.contracts import subjects
from shared.contracts.alert import ChannelName
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.reference_version import RulesChanged
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.nats.mirrors import plain_faults
from shared.operations.catalogue import Code
from shared.reference.load import Reference, load_contacts
from shared.service.clock import SimulatedClock
from shared.service.gauges import of_outbox, of_parked
from shared.service.outbox import Relay
from shared.service.parking import PARKING_CODES, ParkingPlace
from shared.service.polling_worker import PollingWorker
from shared.service.replay import Handles, processing_again
from shared.service.runtime import Runtime, background, open_runtime
from shared.service.wholeness import FilledTable, OwnLog, Wholeness
from shared.text import day_named
from shared.texts import filled
from shared.time import VIETNAM, utc_now

log = structlog.get_logger()

# Messages on ntm.v1.alerts… are published together after this pause, so that publishing delays no telling.
_RELAY_PAUSE_SECONDS = 0.1
_GAPS_LOGGED = 20

type UseCase = Callable[[AsyncConnection, Pipeline, datetime], Awaitable[int]]
"""A use case that tells something within one transaction, and returns the number of alerts or gatherings it handled."""

FILLED = [
    FilledTable(subjects.ALL_STATUSES, StatusChanged, AlertRow),
    FilledTable(subjects.ALL_TARGETS, TargetChanged, AlertRow),
    FilledTable(subjects.ALL_PROBLEMS, DifficultyLogged, AlertRow),
    FilledTable(subjects.ALL_RULES, RulesChanged, AlertRow),
]
"""The tables in which every message is that notify has acknowledged."""


class Notify:
    """The running service: its connections, its pipeline and its workers."""

    def __init__(
        self, runtime: Runtime, settings: NotifySettings, arriving: Sequence[Stage], telling: Sequence[Stage]
    ) -> None:
        channels, links = configured_channels(settings, runtime.engine), _links(settings)
        self.runtime, self.settings = runtime, settings
        self.authenticator = Authenticator.of(runtime.engine, runtime.settings)
        self.parking = ParkingPlace(runtime.engine, ParkedRow, OutboxRow)
        self.wholeness = Wholeness(
            runtime, "notify", FILLED, ParkedRow, OwnLog(subjects.ALERTS_STREAM, lack_what_was_told)
        )
        world = _first_world(runtime, settings, frozenset(channels), links)
        self.pipeline = Pipeline(arriving, telling, WorldReader(world, lambda: runtime.reference, runtime.clock.now))
        self.relay = Relay(
            runtime.engine, runtime.nats, OutboxRow, self.parking.set_aside, pause_seconds=_RELAY_PAUSE_SECONDS
        )
        self.gathered = PollingWorker("gathered", self.tell_gathered)
        self.silenced = PollingWorker("silenced", self.tell_silenced)
        self.escalation = PollingWorker("escalation", self.escalate)
        self.rest = PollingWorker("rest", self.tell_the_rest)
        self.answers = (
            AnswersReader(Mailbox(settings), self.take_answer, settings.mail_answers_seconds)
            if settings.answer_addresses
            else None
        )
        self.operators = Operators(runtime.engine, settings, Patience().share(settings.wait_share))
        self.telling_operators = PollingWorker("telling operators", self.operators.tell)
        follow_up = FollowUp(self.pipeline)
        runtime.in_use.when_replaced(self._renew_world)
        self.deliveries = {
            name: DeliveryWorker(name, channel, runtime.engine, self.relay, settings, follow_up, links, runtime.clock)
            for name, channel in channels.items()
        }
        engine, gauges = runtime.engine, runtime.gauges
        gauges.add("notices", of_notices(engine))
        gauges.add("alerts", of_alerts(engine))
        gauges.add("gateways", of_gateways(self._refusing))
        gauges.add("outbox", of_outbox(engine, OutboxRow))
        gauges.add("parked", of_parked(engine, ParkedRow))

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: NotifySettings, arriving: Sequence[Stage], telling: Sequence[Stage]
    ) -> AsyncIterator[Self]:
        """Connect to everything, import the contacts of the settings' file, and warn of roles without contact."""
        async with open_runtime(settings, "notify") as runtime:
            notify = cls(runtime, settings, arriving, telling)
            await notify._import_contacts()
            await notify._warn_of_gaps()
            yield notify

    @property
    def engine(self) -> AsyncEngine:
        """The connections to the database."""
        return self.runtime.engine

    @property
    def reference(self) -> Reference:
        """The units, the criteria and the plan."""
        return self.runtime.reference

    @property
    def workers(self) -> Sequence[PollingWorker | DeliveryWorker]:
        """The workers that run as long as the service."""
        telling = (self.relay, self.gathered, self.silenced, self.escalation, self.rest, self.telling_operators)
        return (*telling, *self.deliveries.values())

    async def read_answers(self) -> None:
        """Read the mailbox of answers, where there is one."""
        if self.answers:
            await self.answers.run()

    async def watch(self) -> None:
        """Report what rests or is away, messages that are parked, and mirrors of the office that are wrong."""
        operations = self.runtime.operations
        async with background(operations.watch([Code.MIRROR], self._mirrors)):
            codes = [*PARKING_CODES, Code.GATEWAY, Code.ANSWERS, Code.PERSONAL]
            await operations.watch(codes, self._troubles, failures=1)

    async def _mirrors(self) -> Mapping[Code, Bilingual | None]:
        if self.runtime.settings.nats_seed_file is None:  # a broker without users has no office
            return {}
        faults = await plain_faults(self.runtime.nats)
        names = ", ".join(f"{stream} ({fault})" for stream, fault in faults.items())
        return {Code.MIRROR: Bilingual(vi=names, en=names)} if faults else {}

    def _refusing(self) -> Mapping[str, bool]:
        """Say of each channel whether its gateway refuses or is away."""
        return {name: worker.is_gateway_away for name, worker in self.deliveries.items()}

    async def _troubles(self) -> Mapping[Code, Bilingual | None]:
        names = ", ".join(name for name, refuses in self._refusing().items() if refuses)
        gateways = {Code.GATEWAY: Bilingual(vi=names, en=names)} if names else {}
        answers: Mapping[Code, Bilingual | None] = {Code.ANSWERS: None} if self.answers and self.answers.is_away else {}
        return {**gateways, **answers, **await self._requests(), **await self.parking.troubles()}

    async def _requests(self) -> Mapping[Code, Bilingual | None]:
        """Say whether persons' requests about their data wait for longer than the law gives for an answer."""
        async with self.engine.connect() as connection:
            waiting = await waiting_too_long(connection, utc_now().astimezone(VIETNAM).date())
        if waiting is None:
            return {}
        days = {"answer_by": day_named(waiting.answer_by), "carry_out_by": day_named(waiting.carry_out_by)}
        return {Code.PERSONAL: filled(phrase("personal_data.waiting"), count=waiting.number, **days)}

    async def tell(self, messages: Sequence[Msg]) -> None:
        """Tell of a batch of events, in one transaction."""
        try:
            alerts = self._read(messages)
        except LookupError:  # other services may have taken up a version of the reference data before this one
            await self.runtime.in_use.look()
            alerts = self._read(messages)
        await self._transact(lambda connection, pipeline, now: tell(connection, alerts, pipeline, now))

    def _read(self, messages: Sequence[Msg]) -> list[Alert]:
        reference = self.runtime.reference
        return [
            alert
            for message in messages
            for alert in read_alerts(message.data, (message.headers or {}).get("traceparent"), reference)
        ]

    async def tell_again(self, messages: Sequence[Msg]) -> None:
        """Tell of events that were parked; of those that a rebuild parked, what is left to tell."""
        await self.tell(messages)
        for message in messages:
            if ways := ways_left(message.headers):
                await self._tell_by(self._read([message]), ways)

    async def _tell_by(self, alerts: Sequence[Alert], ways: Sequence[Way]) -> None:
        await self._transact(lambda connection, *world: tell_the_rest(connection, alerts, ways, *world))

    @property
    def handlers(self) -> Handles:
        """What processes parked messages again, by the families of their subjects."""
        told = dict.fromkeys(subjects.CONSUMERS["notify"], self.tell_again)
        return {**told, subjects.ALL_OPERATIONS: self.operators.hear}

    async def tell_the_rest(self) -> int:
        """Tell what a rebuild has left to the service; return the number of its messages that were told."""
        again = processing_again(self.runtime.nats, self.handlers, self.runtime.proof)
        async with self.engine.connect() as connection:
            numbers = await untold(connection)
        for number in numbers:
            await self.parking.replay(number, again, announce=False)
        return len(numbers)

    async def tell_gathered(self) -> int:
        """Tell the gatherings that have waited long enough; return their number."""
        return await self._transact(tell_gathered)

    async def tell_silenced(self) -> int:
        """Tell what ended silences held back and what is still news; return the number of decisions."""
        return await self._transact(tell_silenced)

    async def escalate(self) -> int:
        """Escalate the alerts that nobody has acknowledged in time; return their number."""
        return await self._transact(escalate)

    async def take_answer(self, raw: bytes) -> None:
        """Take a mail of the mailbox of answers."""
        if addresses := self.settings.answer_addresses:
            office = Office(addresses, self.runtime.clock, self.reference)
            if await take_answer(self.engine, raw, office) is AnswerMeaning.ACKNOWLEDGED:
                self.wake()

    def wake(self) -> None:
        """Wake all workers to act on a change that was just committed."""
        for worker in self.workers:
            worker.wake()

    def forget_world(self) -> None:
        """Read contacts and subscriptions again before the next alert: somebody has changed them."""
        self.pipeline.world_reader.forget()

    def _renew_world(self) -> None:
        """Route and word by the reference data that were taken up; a transaction that has begun ends by its own."""
        self.pipeline.world_reader.renew(self.runtime.reference, self.runtime.plans)

    async def world(self) -> World:
        """Return the world that the stages use at this moment."""
        async with self.engine.connect() as connection:
            return await self.pipeline.world_reader.world(connection, utc_now())

    async def _transact(self, use_case: UseCase) -> int:
        """Run the use case in one transaction; once that is committed, hand over the notices that are due at once."""
        handover = Handover(self.deliveries)
        async with self.engine.begin() as connection:
            done = await use_case(connection, replace(self.pipeline, handover=handover), utc_now())
        handover.give()
        if handover.gathers:
            self.gathered.wake()
        if done:
            self.relay.wake()
        return done

    async def _import_contacts(self) -> None:
        """Add the contacts of the settings' file to those that are known; warn of faulty ones, and leave them out."""
        if not self.settings.contacts:
            return
        contacts = load_contacts(self.settings.contacts)
        book = checked_book(contacts, self.reference)
        faulty = {int(fault.pointer.split("/")[2]) for fault in book.faults}
        for fault in book.faults:  # addresses do not reach the log
            place = int(fault.pointer.split("/")[2])
            log.warning(
                "contact of the settings' file left out",
                recipient=contacts[place].recipient,
                pointer=fault.pointer,
                fault=fault.kind.code,
                remedy="ntm contacts import FILE --check",
            )
        sound = [contact for place, contact in enumerate(book.contacts) if place not in faulty]
        async with self.engine.begin() as connection:
            await bring_contacts(connection, sound, utc_now())

    async def _warn_of_gaps(self) -> None:
        """Log the roles that the plan tells and that have no contact, before somebody misses a notice."""
        if missing := gaps(await self.world(), self.runtime.clock.today()):
            some = [f"{gap.recipient} by {gap.channel}: {gap.reason.value.en}" for gap in missing[:_GAPS_LOGGED]]
            log.warning(
                "roles without contact", count=len(missing), some=some, remedy="ntm contacts gaps; ntm contacts import"
            )


def _first_world(
    runtime: Runtime, settings: NotifySettings, channels: frozenset[ChannelName], links: Links | None
) -> World:
    """Return the world before anything was read from the database."""
    return World(
        reference=runtime.reference,
        tree=Tree.of(runtime.reference.plan),
        contacts={},
        channels=channels,
        retry_for=timedelta(seconds=settings.retry_for_seconds),
        board_url=settings.board_url,
        figures_url=runtime.settings.intake_page,
        is_simulated=isinstance(runtime.clock, SimulatedClock),
        wait_share=settings.wait_share,
        links=links,
        tariff=Tariff(settings.sms_price_dong, settings.sms_daily_budget_dong),
        sms=Style(settings.sms_diacritics, settings.sms_parts),
        takes_answers=settings.answer_addresses is not None,
        has_zalo=settings.zalo_via is not None,
        plans={reference.plan.id: reference for reference in runtime.plans},
    )


def _links(settings: NotifySettings) -> Links | None:
    """Return the maker of links; None without a secret or without an address at which links can be opened."""
    return Links(settings.link_secret, settings.public_url) if settings.link_secret and settings.public_url else None

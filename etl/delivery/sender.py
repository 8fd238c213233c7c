"""Sends one batch after the other to its end: until the outcomes of its records are known."""

from __future__ import annotations

import dataclasses
import logging
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from etl.api import ItemAnswer, ItemKind
from etl.api.silence import FORBIDDEN, LOCKOUT_S, LOST_RIGHTS
from etl.api.wire import FLATTENED, NO_HEADERS
from etl.batching import halves, make_batches, take
from etl.delivery.attributes import calls_of
from etl.delivery.drift import CONFLICT, OnDrift, Sorted, alarms, drifted_by_now, sort_out
from etl.delivery.judging import (
    as_planned,
    ids_to_look_at,
    judge,
    judge_each,
    refused_whole,
    skipped_if_drifted,
)
from etl.delivery.patience import Patience
from etl.delivery.standing import done_when_still, may_still_work
from etl.errors import (
    AnswerUnusable,
    DatabaseRefused,
    EtlError,
    NoAnswer,
    Refused,
    RequestFailed,
    RightsLost,
    ServerFailed,
    ServerGone,
    TooLarge,
)
from etl.model import Outcomes, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from etl.api import Client, RetryClock
    from etl.delivery.paces import Paces
    from etl.journal import Journal
    from etl.model import Batch, Limits

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 40
"""What was a part of a request fits into one."""
HALVE_AFTER = 2
"""So many 500s for the same batch, then it is sent in halves until the poison row stands alone."""
SERVER_BROKE = 500


class Sender:
    """Sends one batch until its outcomes are known, or until nothing answers any more."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        limits: Limits,
        clock: RetryClock,
        paces: Paces,
        on_drift: OnDrift,
        is_stopping: Callable[[], bool],
        heard: Callable[[Batch, Sequence[ItemAnswer]], None],
    ) -> None:
        self._client, self._journal, self._limits, self._clock = client, journal, limits, clock
        self._paces, self._heard = paces, heard
        self._on_drift: OnDrift = on_drift
        self._patience = Patience(client.url, limits=limits, clock=clock, is_stopping=is_stopping)
        self._landed: list[Outcomes] = []
        self._has_answered = False
        self._undecided: list[tuple[Batch, int, RequestFailed]] = []
        """Single records that brought a page in place of an answer, and nothing was answered since."""

    def landed(self) -> list[Outcomes]:
        """Return what the journal was told since this was asked last."""
        landed, self._landed = self._landed, []
        return landed

    async def send(self, batch: Batch) -> None:
        """Send a batch; what becomes of it `landed` returns.

        Raises:
            Stopped, RequestFailed, NoAccess: the run cannot go on.
        """
        await self._send(batch, self._journal.sending(batch))

    async def _send(self, batch: Batch, request: int, *, was_sent_before: bool = False) -> None:
        if not batch.body:
            await self._delete(batch, request)
            return
        if batch.changes.attribute_keys:
            await self._through_endpoints(batch, request)
            return
        left, outcomes = await self._without_drifted(batch)
        if left is None:
            self._answered(request, outcomes)
            return
        self._noted(outcomes)
        await self._until_judged(left, request, was_sent_before=was_sent_before)

    def _answered(self, request: int, outcomes: Outcomes) -> None:
        self._journal.answered(request, outcomes)
        if outcomes:
            self._landed.append(outcomes)

    def _noted(self, outcomes: Outcomes) -> None:
        if outcomes:
            self._journal.noted(outcomes)
            self._landed.append(outcomes)

    async def _until_judged(self, batch: Batch, request: int, *, was_sent_before: bool) -> None:
        tries = broken = 0
        while True:
            try:
                answers = await self._upsert(batch)
            except (TooLarge, Refused) as refusal:
                await self._apart(batch, request, was_sent_before=was_sent_before, why=refusal)
                return
            except (NoAnswer, ServerFailed, AnswerUnusable) as failure:
                was_sent_before = was_sent_before or failure.may_be_done
                tries += 1
                broken += _is_about_the_batch(failure)
                log.warning("no answer", extra={"batch": batch.number, "tries": tries, "why": str(failure)})
                if broken >= HALVE_AFTER:
                    # A single row that the server never finishes comes here too.
                    await self._apart(batch, request, was_sent_before=True, why=failure)
                    return
                if may_still_work(failure):
                    done = await done_when_still(batch, self._client, clock=self._clock)
                    self._patience.answered()
                    if done or len(batch) > 1:
                        await self._rest_in_halves(batch, request, done=done)
                        return
                    broken += tries >= self._limits.attempts - 1
                await self._patience.before_next(tries, failure)
                continue
            await self._judged(batch, answers, request=request, was_sent_before=was_sent_before)
            await self.decide()
            log.info("answered", extra={"batch": batch.number, "entity": batch.entity, "items": len(batch)})
            return

    async def _without_drifted(self, batch: Batch) -> tuple[Batch | None, Outcomes]:
        """Leave out what somebody changed by now and the instance would not notice; None: nothing is left."""
        is_unchecked = self._client.session.checks_conflicts is False
        if not is_unchecked or not batch.changes.prev_keys or self._on_drift == "overwrite":
            return batch, Outcomes()
        drifted = await drifted_by_now(batch, self._client)
        if not drifted:
            return batch, Outcomes()
        answers = [ItemAnswer(ItemKind.FAILED, code=CONFLICT, text=text) for text in drifted.values()]
        part = _part(batch, list(drifted))
        outcomes = judge(part, answers, standing=frozenset(), was_sent_before=False)
        if self._on_drift == "skip":
            outcomes = skipped_if_drifted(outcomes)
        rest = [at for at in range(len(batch)) if at not in drifted]
        return _part(batch, rest) if rest else None, outcomes

    async def _upsert(self, batch: Batch) -> Sequence[ItemAnswer]:
        """Send a batch once, taking note of its pace.

        Raises:
            RequestFailed: see `Client.upsert`.
            RightsLost: the server does not let us write, and a minute later neither.
        """
        pacer = self._paces.of(batch.entity)
        is_locked_out = False
        while True:
            began = self._clock.now()
            try:
                headers = FLATTENED if batch.changes.carries_attributes else NO_HEADERS
                answers = await self._client.upsert(batch.body, count=len(batch), headers=headers)
            except (TooLarge, Refused) as refusal:
                self._patience.answered()
                if isinstance(refusal, TooLarge):
                    self._paces.too_large(batch)
                if refusal.status not in LOST_RIGHTS:
                    raise
                if is_locked_out or refusal.status != FORBIDDEN:
                    raise RightsLost(self._client.url, status=refusal.status) from refusal
                is_locked_out = True
                await self._patience.wait(LOCKOUT_S)
            except RequestFailed as failure:
                if not _is_about_the_batch(failure):
                    pacer.failed()
                elif not _is_page(failure):
                    self._patience.answered()
                raise
            else:
                self._patience.answered()
                self._has_answered = True
                pacer.answered(self._clock.now() - began, len(batch))
                self._heard(batch, answers)
                return answers

    async def _rest_in_halves(self, batch: Batch, request: int, *, done: Sequence[int]) -> None:
        """Send again, in halves, what does not stand as it was sent."""
        if done:
            part = _part(batch, done)
            ids = frozenset(part.changes.ids.to_pylist())
            answers = [ItemAnswer(ItemKind.UPDATED)] * len(part)
            self._noted(judge(part, answers, standing=ids, was_sent_before=True))
        rest = sorted(set(range(len(batch))) - set(done))
        log.warning("looked at", extra={"batch": batch.number, "stand": len(done), "sent again": len(rest)})
        left = [_part(batch, rest)] if rest else []
        parts = halves(left[0]) if len(rest) > 1 else left
        await self._in_parts(parts, request, was_sent_before=True)

    async def _in_parts(self, parts: Sequence[Batch], request: int, *, was_sent_before: bool) -> None:
        """Send parts in the place of a request: they stand in the journal before it counts as settled."""
        requests = [self._journal.sending(part) for part in parts]
        self._journal.given_up(request)
        for part, number in zip(parts, requests, strict=True):
            await self._send(part, number, was_sent_before=was_sent_before)

    async def _delete(self, batch: Batch, request: int) -> None:
        """Delete records one by one: what is gone already, or goes twice, is deleted."""
        gone = [
            (one, [partial(self._client.delete, batch.entity, one)]) for one in batch.changes.ids.to_pylist()
        ]
        await self._one_by_one(batch, request, gone, done=Status.DELETED)

    async def _through_endpoints(self, batch: Batch, request: int) -> None:
        """Write attribute values record by record; each request may go twice."""
        written = [
            (one, [partial(self._client.write, call.method, call.path, body=call.body) for call in calls])
            for one, calls in calls_of(batch)
        ]
        await self._one_by_one(batch, request, written, done=Status.UPDATED)

    async def _one_by_one(
        self,
        batch: Batch,
        request: int,
        records: Sequence[tuple[str, Sequence[Callable[[], Awaitable[object]]]]],
        *,
        done: Status,
    ) -> None:
        """Send the requests of each record; where they break off, what is known by then is written down."""
        refusals: dict[str, str] = {}
        answered = 0
        try:
            for record_id, asks in records:
                try:
                    for ask in asks:
                        await self._patience.until_answered(ask)
                except Refused as refusal:
                    refusals[record_id] = str(refusal)
                answered += 1
        except EtlError:
            if answered:
                told = dataclasses.replace(batch, changes=take(batch.changes, list(range(answered))))
                self._noted(judge_each(told, refusals, done=done))
            raise
        self._answered(request, judge_each(batch, refusals, done=done))

    async def _judged(
        self, batch: Batch, answers: Sequence[ItemAnswer], *, request: int, was_sent_before: bool
    ) -> None:
        if not was_sent_before and (planned := as_planned(batch, answers)) is not None:
            self._answered(request, planned)
            return
        found = await self._drift(batch, answers)
        kept = [i for i in range(len(batch)) if i not in found.again]
        rest = dataclasses.replace(batch, changes=take(batch.changes, kept)) if found.again else batch
        stands = ItemAnswer(ItemKind.UPDATED)
        answers = [stands if i in found.done else answers[i] for i in kept]
        unsure = ids_to_look_at(rest, answers, was_sent_before=was_sent_before)
        standing = await self._standing(rest.entity, unsure)
        outcomes = judge(rest, answers, standing=standing, was_sent_before=was_sent_before)
        if self._on_drift == "skip":
            outcomes = skipped_if_drifted(outcomes)
        self._answered(request, outcomes)
        if found.again:
            changes = dataclasses.replace(batch.changes, prev_keys=frozenset())
            await self.send(_part(dataclasses.replace(batch, changes=changes), found.again))

    async def _drift(self, batch: Batch, answers: Sequence[ItemAnswer]) -> Sorted:
        positions = alarms(batch, answers)
        if not positions:
            return Sorted(frozenset(), (), frozenset())
        ids = [batch.changes.ids[i].as_py() for i in positions]
        keys = (*batch.changes.columns, *batch.changes.clears)
        found = await self._client.look_up(batch.entity, "id", ids, select=("id", *keys))
        records = {str(record["id"]): record for record in found}
        return sort_out(batch, positions, records=records, on_drift=self._on_drift)

    async def _standing(self, entity: str, ids: Sequence[str]) -> frozenset[str]:
        """Of some ids, those under which a record stands."""
        if not ids:
            return frozenset()
        records = await self._client.look_up(entity, "id", ids, select=("id",))
        return frozenset(str(record["id"]) for record in records)

    async def _apart(self, batch: Batch, request: int, *, was_sent_before: bool, why: RequestFailed) -> None:
        """Send a batch that cannot go as a whole in halves; a row that stands alone is reported."""
        if len(batch) > 1:
            log.warning("sent again in halves", extra={"batch": batch.number, "why": str(why)})
            await self._in_parts(halves(batch), request, was_sent_before=was_sent_before)
        elif _is_page(why):
            # A page for every record is the fault of none: whose it is the next answer tells.
            self._undecided.append((batch, request, why))
            if len(self._undecided) >= self._limits.attempts:
                self._give_up()
        else:
            await self._report(batch, request, why=why)

    async def decide(self) -> None:
        """Report the single records that brought a page, now that the server is known to work.

        Raises:
            ServerGone: nothing else ever came.
        """
        if self._undecided and not self._has_answered:
            self._give_up()
        while self._undecided:
            batch, request, why = self._undecided.pop()
            await self._report(batch, request, why=why)

    def _give_up(self) -> NoReturn:
        *_, (_, _, why) = self._undecided
        rows = "the only record" if len(self._undecided) == 1 else f"{len(self._undecided)} records in a row"
        raise ServerGone(self._client.url, reason=f"{why}, for {rows}, each sent alone")

    async def _report(self, batch: Batch, request: int, *, why: RequestFailed) -> None:
        standing = await self._standing(batch.entity, batch.changes.ids.to_pylist())
        code = "too_large" if isinstance(why, TooLarge) else "server_broke" if why.may_be_done else "refused"
        self._answered(request, refused_whole(batch, code=code, text=str(why), record_ids=standing))


def _part(batch: Batch, positions: Sequence[int]) -> Batch:
    """Return some items of a batch as one that keeps its number."""
    changes = take(batch.changes, list(positions))
    (part,) = make_batches(changes, max_rows=len(changes), max_bytes=MOST_BYTES, first_number=batch.number)
    return part


def _is_page(failure: RequestFailed) -> bool:
    """Something that is no answer of AtroCore's: of a proxy before it, most often."""
    return isinstance(failure, AnswerUnusable) and not isinstance(failure, DatabaseRefused)


def _is_about_the_batch(failure: RequestFailed) -> bool:
    """A 500, or an answer that is none although the server works: what is in the batch may be why."""
    return failure.status == SERVER_BROKE or isinstance(failure, AnswerUnusable)

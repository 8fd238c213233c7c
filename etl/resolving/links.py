"""Texts of links -> ids of their targets: looked up in bulk, remembered; missing ones become creates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import process

from etl.model import ChangeKind, Changes, LinkTarget, LinkTexts, Missing, Problem, Status
from etl.resolving.keys import keys_of_records, own_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.model import Outcome
    from etl.resolving.keys import Record
    from etl.resolving.records import Asks

# A target entity of up to this many records is read whole: two pages instead of many look-ups, and all its
# texts are known for "did you mean".
SMALL_ENTITY = 2000
CLOSE_ENOUGH = 75
"""Score from which a text is offered as what was meant; 100 is equal."""


@dataclass(slots=True)
class _Known:
    """What is known of the targets of one link so far."""

    ids: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, int] = field(default_factory=dict)
    """Text -> how many records have it."""
    missing: set[str] = field(default_factory=set)
    renamed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Text -> id that we once made from it, and what the record is called now."""
    refused: dict[str, str] = field(default_factory=dict)
    """Text -> why its creation failed."""
    texts: list[str] = field(default_factory=list)
    """All texts on the server, where the entity is small."""
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class LinkIds:
    """The ids of one link, position by position."""

    target: LinkTarget
    ids: pa.Array
    """string or list<string>, like the texts; null: not sent."""
    problems: tuple[Problem, ...]
    failed: frozenset[int]
    """Positions whose record cannot be sent for this."""


class LinkFinder:
    """Finds the targets of links and remembers them for the whole run."""

    def __init__(self, client: Asks, targets: Sequence[LinkTarget]) -> None:
        self._client = client
        self._known: dict[tuple[str, str], _Known] = {(t.entity, t.by): _Known() for t in targets}

    async def prepare(self) -> None:
        """Read the small target entities whole."""
        for (entity, by), known in self._known.items():
            total = await self._client.total(entity)
            if total is not None and total <= SMALL_ENTITY:
                async for page in self._client.pages(entity, select=("id", by)):
                    self._remember(known, page.records, by=by)
                known.is_whole = True
                known.texts = [*known.ids, *known.ambiguous]

    async def ask(self, links: LinkTexts) -> None:
        """Find out about every text that is not known yet."""
        target, known = links.target, self._of(links.target)
        new = [text for text in _distinct(links.texts) if not _is_known(known, text)]
        if not new:
            return
        if not known.is_whole:
            records = await self._client.look_up(target.entity, target.by, new, select=("id", target.by))
            self._remember(known, records, by=target.by)
        unfound = [text for text in new if not _is_known(known, text)]
        known.missing.update(unfound)
        if unfound and target.missing is Missing.CREATE and target.by != "id":
            own = {own_id(target.entity, (target.by,), key=text): text for text in unfound}
            for record in await self._client.look_up(
                target.entity, "id", list(own), select=("id", target.by)
            ):
                text = own[str(record["id"])]
                known.missing.discard(text)
                known.renamed[text] = (str(record["id"]), str(record.get(target.by) or ""))

    def creates(self, links: LinkTexts) -> Changes | None:
        """Return the creates of targets that are missing, each once in a run; None where there are none."""
        target, known = links.target, self._of(links.target)
        if target.missing is not Missing.CREATE or target.by == "id":
            return None
        texts = sorted(text for text in _distinct(links.texts) if text in known.missing)
        if not texts:
            return None
        ids = [own_id(target.entity, (target.by,), key=text) for text in texts]
        columns = {target.by: pa.array(texts, pa.string())}
        for name, value in target.constants.items():
            columns[name] = pa.array([value] * len(texts))
        for text, record_id in zip(texts, ids, strict=True):
            known.missing.discard(text)
            known.ids[text] = record_id
        return Changes(
            target.entity,
            "",
            None,
            numbers=pa.array([0] * len(texts), pa.int64()),
            keys=pa.array(texts, pa.string()),
            ids=pa.array(ids, pa.string()),
            kinds=[ChangeKind.CREATE] * len(texts),
            columns=columns,
            part=target.field,
        )

    def refuse(self, outcomes: Iterable[Outcome]) -> None:
        """Take back the creates among `outcomes` that failed, so that rows which need them are not sent."""
        for outcome in outcomes:
            if outcome.part and outcome.status is Status.FAILED:
                for (entity, _), known in self._known.items():
                    if entity == outcome.entity and known.ids.pop(outcome.key, None) is not None:
                        known.refused[outcome.key] = outcome.message

    def ids(self, links: LinkTexts, *, file: str, sheet: str | None, numbers: pa.Int64Array) -> LinkIds:
        """Return the ids of the texts; what cannot be linked is told as the mapping says."""
        target, known = links.target, self._of(links.target)
        unlinkable = [text for text in _distinct(links.texts) if text not in known.ids]
        problems: list[Problem] = []
        failed: set[int] = set()
        if unlinkable:
            self._tell(links, unlinkable, problems, failed, place=(file, sheet, numbers))
        return LinkIds(target, _map(links.texts, known.ids), tuple(problems), frozenset(failed))

    def _of(self, target: LinkTarget) -> _Known:
        return self._known.setdefault((target.entity, target.by), _Known())

    def _remember(self, known: _Known, records: Sequence[Record], *, by: str) -> None:
        texts = keys_of_records(records, ("id",) if by == "id" else (by,))
        for text, record in zip(texts, records, strict=True):
            if text is None:
                continue
            if text in known.ambiguous:
                known.ambiguous[text] += 1
            elif known.ids.get(text, record["id"]) != record["id"]:
                del known.ids[text]
                known.ambiguous[text] = 2
            else:
                known.ids[text] = str(record["id"])

    def _tell(
        self,
        links: LinkTexts,
        unlinkable: list[str],
        problems: list[Problem],
        failed: set[int],
        *,
        place: tuple[str, str | None, pa.Int64Array],
    ) -> None:
        file, sheet, numbers = place
        reasons = {text: self._reason(links.target, text) for text in unlinkable}
        rows = numbers.to_pylist()
        for position, value in enumerate(links.texts.to_pylist()):
            for text in value if isinstance(value, list) else (value,):
                if text is None or text not in reasons or reasons[text] is None:
                    continue
                code, facts = reasons[text] or ("", {})
                problems.append(
                    Problem(
                        code,
                        file,
                        sheet,
                        rows[position],
                        column=links.column,
                        field=links.target.field,
                        value=text,
                        facts=facts,
                    )
                )
                if code != "missing_link_reported":
                    failed.add(position)

    def _reason(self, target: LinkTarget, text: str) -> tuple[str, dict[str, str]] | None:
        """Why a text has no id, as code and facts; None where the mapping wants nothing said."""
        known = self._of(target)
        facts = {"entity": target.entity, "by": target.by}
        if text in known.ambiguous:
            return "ambiguous_link", {**facts, "count": str(known.ambiguous[text])}
        if text in known.renamed:
            record_id, found = known.renamed[text]
            return "blocked_renamed", {**facts, "found": found, "id": record_id}
        if text in known.refused:
            return "link_not_created", {**facts, "text": known.refused[text]}
        if target.missing is Missing.SKIP:
            return None
        close = process.extractOne(text, known.texts, score_cutoff=CLOSE_ENOUGH)
        facts["close"] = f', nearest is "{close[0]}"' if close else ""
        return ("missing_link_reported" if target.missing is Missing.REPORT else "missing_link"), facts


def _is_known(known: _Known, text: str) -> bool:
    return any(text in of for of in (known.ids, known.ambiguous, known.missing, known.renamed, known.refused))


def _distinct(texts: pa.Array) -> list[str]:
    flat = texts.flatten() if pa.types.is_list(texts.type) else texts
    distinct: list[str] = pc.unique(flat.drop_null()).to_pylist()
    return distinct


def _map(texts: pa.Array, ids: Mapping[str, str]) -> pa.Array:
    """Texts to ids, column by column; a text without an id is null, or left out of its list."""
    if pa.types.is_list(texts.type):
        mapped = [
            None if value is None else [ids[text] for text in dict.fromkeys(value) if text in ids]
            for value in texts.to_pylist()
        ]
        return pa.array(mapped, pa.list_(pa.string()))
    encoded = texts.dictionary_encode()
    dictionary = pa.array([ids.get(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return dictionary.take(encoded.indices)

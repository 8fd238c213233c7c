"""Texts of links -> ids of their targets: looked up in bulk, remembered; missing ones become creates."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import process

from etl.model import LinkTarget, LinkTexts, Missing, Problem, Status
from etl.resolving.keys import PART_SEPARATOR
from etl.resolving.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.api import Client
    from etl.model import Changes, Outcome
    from etl.schema import Schema

CLOSE_ENOUGH = 75
"""Score from which a text is offered as what was meant; 100 is equal."""


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

    def __init__(self, client: Client, targets: Sequence[LinkTarget], *, schema: Schema) -> None:
        self._client, self._schema = client, schema
        self._known: dict[tuple[object, ...], Targets] = {}
        for target in targets:
            self._of(target)

    async def prepare(self) -> None:
        """Read the small target entities whole."""
        for known in self._known.values():
            await known.prepare(self._client, self._schema)

    async def ask(self, links: LinkTexts) -> None:
        """Find out about every text that is not known yet."""
        await self._of(links.target).ask(self._client, _distinct(links).values())

    def creates(self, links: LinkTexts) -> list[Changes]:
        """Return the creates of targets that are missing, each once in a run; each needs those before it."""
        return self._of(links.target).creates(_distinct(links).values())

    def expect(self, entity: str, key_fields: Sequence[str], *, records: Iterable[tuple[str, str]]) -> None:
        """Learn of records of this run that links may point to, before they are looked up on the server.

        Args:
            records: canonical key and id.
        """
        for known in self._that_expect(entity, key_fields):
            for key, record_id in records:
                known.expect(key, record_id)

    def expects(self, entity: str, key_fields: Sequence[str]) -> bool:
        """Tell whether a link may point to records of this run that have such keys."""
        return any(True for _ in self._that_expect(entity, key_fields))

    def _that_expect(self, entity: str, key_fields: Sequence[str]) -> Iterator[Targets]:
        for known in self._known.values():
            if known.takes_ours and known.target.entity == entity and known.fields == tuple(key_fields):
                yield known

    def refuse(self, outcomes: Iterable[Outcome]) -> None:
        """Take back the creates among `outcomes` that failed, so that rows which need them are not sent."""
        for outcome in outcomes:
            if outcome.status is Status.FAILED and not outcome.record_id:
                for known in self._known.values():
                    if known.target.entity == outcome.entity:
                        known.refuse(outcome.key, outcome.message)

    def ids(self, links: LinkTexts, *, file: str, sheet: str | None, numbers: pa.Int64Array) -> LinkIds:
        """Return the ids of the texts; what cannot be linked is told as the mapping says."""
        known = self._of(links.target)
        texts = _distinct(links)
        ids = {raw: known.ids[text] for raw, text in texts.items() if text in known.ids}
        reasons = {raw: reason for raw, text in texts.items() if (reason := _reason(known, text)) is not None}
        problems: list[Problem] = []
        failed: set[int] = set()
        if reasons:
            rows = numbers.to_pylist()
            for position, raw in _placed(links.texts):
                if raw in reasons:
                    code, facts = reasons[raw]
                    problems.append(
                        Problem(
                            code,
                            file,
                            sheet,
                            rows[position],
                            column=links.column,
                            field=links.target.field,
                            value=raw.replace(PART_SEPARATOR, " / "),
                            facts=facts,
                        )
                    )
                    if code not in LEFT_OUT:
                        failed.add(position)
        return LinkIds(links.target, _map(links.texts, ids), tuple(problems), frozenset(failed))

    def names(self, target: LinkTarget) -> dict[str, str]:
        """Return id -> text of every target that is known so far, as a person would write it."""
        mark = target.path or " / "
        return {one: text.replace(PART_SEPARATOR, mark) for text, one in self._of(target).ids.items()}

    def _of(self, target: LinkTarget) -> Targets:
        place = (
            target.entity,
            target.by,
            target.also_by,
            tuple(sorted(target.within.items())),
            target.where,
            target.path,
        )
        if place not in self._known:
            self._known[place] = Targets(target, self._schema.entity(target.entity))
        known = self._known[place]
        known.takes_ours = known.takes_ours or target.place != "server" or bool(target.block)
        return known


LEFT_OUT = frozenset({"missing_link_reported", "link_not_leaf_reported"})
"""Problems of a link that do not keep its record from being sent."""


def _reason(known: Targets, text: str) -> tuple[str, dict[str, str]] | None:
    """What there is to say of a text, as code and facts; None where nothing is wrong or nothing is wanted."""
    target = known.target
    facts = {"entity": target.entity, "by": ", ".join(known.fields)}
    if (record_id := known.ids.get(text)) is not None:
        if target.leaf == "any" or record_id not in known.with_children:
            return None
        return ("link_not_leaf" if target.leaf == "fail" else "link_not_leaf_reported"), facts
    if text in known.ambiguous:
        return "ambiguous_link", {**facts, "count": str(known.ambiguous[text])}
    if text in known.renamed:
        record_id, found = known.renamed[text]
        return "blocked_renamed", {**facts, "found": found, "id": record_id}
    if text in known.refused:
        return "link_not_created", {**facts, "text": known.refused[text]}
    return None if target.missing is Missing.SKIP else _missing(known, text, facts)


def _missing(known: Targets, text: str, facts: dict[str, str]) -> tuple[str, dict[str, str]]:
    target = known.target
    close = process.extractOne(text, list(known.texts), score_cutoff=CLOSE_ENOUGH) if known.is_whole else None
    nearest = close[0].replace(PART_SEPARATOR, target.path or " / ") if close else ""
    facts["close"] = f', nearest is "{nearest}"' if close else ""
    return ("missing_link_reported" if target.missing is Missing.REPORT else "missing_link"), facts


def _distinct(links: LinkTexts) -> dict[str, str]:
    """Every text as it stands in the source -> as it is looked up: NFC, the steps of a path apart."""
    texts = links.texts
    flat = texts.flatten() if pa.types.is_list(texts.type) else texts
    path = links.target.path
    found = {}
    for raw in pc.unique(flat.drop_null()).to_pylist():
        text = unicodedata.normalize("NFC", raw)
        if path:
            text = PART_SEPARATOR.join(step.strip() for step in text.split(path.strip()) if step.strip())
        found[raw] = text
    return found


def _placed(texts: pa.Array) -> Iterable[tuple[int, str]]:
    for position, value in enumerate(texts.to_pylist()):
        for text in value if isinstance(value, list) else (value,):
            if text is not None:
                yield position, text


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

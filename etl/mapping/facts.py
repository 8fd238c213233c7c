"""What only the whole source, or the server, can tell about a mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.mapping.findings import MappingProblem, finding
from etl.mapping.keys import KEY_MARK
from etl.model import Missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from etl.mapping.rules import Rules
    from etl.model import Frame


def repeated_keys(rules: Rules, frames: Iterable[Frame]) -> Iterator[MappingProblem]:
    """Yield that the key is not unique in the source; reads all of it, and holds the keys in memory."""
    if not rules.key_rules or rules.mapping.on_duplicate != "fail":
        return
    seen: set[str] = set()
    repeats, rows, example = 0, 0, ""
    for frame in rules.whole_records(frames):
        rows += len(frame)
        for key in rules.keys(frame).to_pylist():
            if key is None:
                continue
            if key in seen:
                repeats += 1
                example = example or key.replace(KEY_MARK, " / ")
            seen.add(key)
    if repeats:
        facts = {"key": ", ".join(rules.mapping.key), "count": repeats, "rows": rows, "example": example}
        yield finding("key_not_unique", rules.mapping.spot("key"), **facts)


def fixed_texts(rules: Rules) -> dict[str, set[str]]:
    """Return the texts that the mapping itself links to, by payload key."""
    found: dict[str, set[str]] = {}
    for rule in rules.fields:
        if rule.link is None or rule.filing is not None or rule.link.missing is Missing.CREATE:
            continue
        texts = set(rule.values.meant.drop_null().to_pylist()) if rule.values is not None else set()
        for fixed in (rule.constant, rule.default):
            if fixed is not None:
                texts |= set(fixed.flatten().to_pylist() if rule.link.is_multiple else fixed.to_pylist())
        if texts:
            found[rule.key] = texts
    return found


def missing_targets(rules: Rules, known: Mapping[str, Collection[str]]) -> Iterator[MappingProblem]:
    """Yield the targets that the mapping itself names and the server does not have.

    Args:
        known: what was found on the server for the texts of `fixed_texts`.
    """
    named = fixed_texts(rules)
    for rule in rules.fields:
        if rule.link is None:
            continue
        for text in sorted(named.get(rule.key, set()) - set(known.get(rule.key, ()))):
            facts = {"target": rule.link.entity, "by": rule.link.by, "value": text}
            yield finding("target_missing", rules.mapping.key_spot("fields", rule.name), **facts)

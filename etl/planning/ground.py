"""What lines of a plan do not say themselves: keys, linked objects and attributes of each part.

With it they can be sent or taken back without the mapping they were made with.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.model import AttributeTarget

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE = "ground.json"
"""Name in the folder of a run."""


@dataclass(frozen=True, slots=True)
class KnownAttribute:
    """An attribute whose values may stand among the lines."""

    target: AttributeTarget
    type: str
    """AtroCore's name of its type."""


@dataclass(frozen=True, slots=True)
class PartGround:
    """What is to be known of the records of one part."""

    part: str
    """As in the lines: empty or a block for the rows' own records, a field for what joins them with others
    and for targets of links."""
    entity: str
    is_own: bool
    """True: records that rows stand for."""
    key_fields: tuple[str, ...] = ()
    """Payload keys that tell whether a record is there; empty: ids alone tell."""
    objects: tuple[str, ...] = ()
    """Payload keys that carry linked objects."""
    attributes: tuple[KnownAttribute, ...] = ()
    way: str = "auto"
    """How attribute values are written, as the mapping says."""


def to_plain(ground: Iterable[PartGround]) -> list[dict[str, object]]:
    """Return it as JSON takes it."""
    return [dataclasses.asdict(one) for one in ground]


def from_plain(said: Iterable[Mapping[str, object]]) -> tuple[PartGround, ...]:
    """Return what `to_plain` gave.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    return tuple(_part(one) for one in said)


def write_ground(folder: Path, ground: Iterable[PartGround]) -> None:
    """Write it into the folder of a run."""
    text = json.dumps(to_plain(ground), ensure_ascii=False, indent=1)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_ground(folder: Path) -> tuple[PartGround, ...]:
    """Return what a run left in its folder; nothing where it left none, or it cannot be read."""
    try:
        return from_plain(json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _part(said: Mapping[str, object]) -> PartGround:
    attributes = said["attributes"]
    if not isinstance(attributes, list):
        raise TypeError("no list of attributes")
    return PartGround(
        str(said["part"]),
        str(said["entity"]),
        is_own=said["is_own"] is True,
        key_fields=_texts(said["key_fields"]),
        objects=_texts(said["objects"]),
        attributes=tuple(KnownAttribute(AttributeTarget(**one["target"]), one["type"]) for one in attributes),
        way=str(said["way"]),
    )


def _texts(said: object) -> tuple[str, ...]:
    if not isinstance(said, list):
        raise TypeError("no list of texts")
    return tuple(str(one) for one in said)

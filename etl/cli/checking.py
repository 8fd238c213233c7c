"""What `check` looks at: the mapping, its folder, the whole source, and what the server has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from etl.cli.options import read_settings
from etl.cli.snapshots import target_of

if TYPE_CHECKING:
    from etl.cli.console import Console
    from etl.cli.mapping_ground import Ground
    from etl.cli.settings import Settings
    from etl.mapping import Mapping, MappingProblem, Rules
    from etl.tables import Table


def find_problems(
    console: Console, mapping: Mapping, table: Table | None, ground: Ground, *, is_export: bool
) -> list[MappingProblem]:
    """Return every problem of a mapping against all that is known, by line."""
    from etl import mapping as language  # noqa: PLC0415
    from etl.mapping.findings import in_order  # noqa: PLC0415

    header = table.header if table is not None else None
    problems = [
        *language.check(
            mapping,
            header=header,
            schema=ground.schema,
            attributes=ground.attributes,
            generation=ground.generation,
            source=table.name if table is not None else "",
        ),
        *language.check_folder(mapping),
    ]
    if any(one.severity == "error" for one in problems) or table is None or ground.schema is None:
        return in_order(problems)
    for part in mapping.parts():
        facts = ground.attributes.get(part.entity)
        rules = language.bind(
            part, header=table.header, schema=ground.schema, attributes=facts, source=table.name
        )
        problems += language.repeated_keys(rules, table.frames())
        problems += language.no_way_back(rules) if is_export else []
        if ground.has_asked:
            known = asyncio.run(_found_targets(read_settings(console), rules))
            problems += language.missing_targets(rules, known)
            types = asyncio.run(_found_types(read_settings(console), part))
            problems += language.missing_types(part, types)
    return in_order(problems)


async def _found_targets(settings: Settings, rules: Rules) -> dict[str, set[str]]:
    """Return which of the texts that a mapping itself links to the server has, by payload key."""
    from etl.api import connect  # noqa: PLC0415
    from etl.mapping import fixed_texts  # noqa: PLC0415

    named = fixed_texts(rules)
    found: dict[str, set[str]] = {}
    if not named:
        return found
    async with connect(target_of(settings), limits=settings.limits) as client:
        for rule in rules.fields:
            if rule.link is None or rule.key not in named or rule.link.path or rule.link.also_by:
                continue
            by = rule.link.by
            records = await client.look_up(rule.link.entity, by, sorted(named[rule.key]), select=("id", by))
            found[rule.key] = {str(one.get(by)) for one in records}
    return found


async def _found_types(settings: Settings, mapping: Mapping) -> set[str]:
    """Return which of the file types that a mapping names the server has, by name or id."""
    from etl.api import connect  # noqa: PLC0415
    from etl.mapping import named_types  # noqa: PLC0415

    named = sorted({text for text, _ in named_types(mapping)})
    found: set[str] = set()
    if not named:
        return found
    async with connect(target_of(settings), limits=settings.limits) as client:
        for by in ("name", "id"):
            records = await client.look_up("FileType", by, named, select=("id", "name"))
            found |= {str(one.get(by)) for one in records}
    return found

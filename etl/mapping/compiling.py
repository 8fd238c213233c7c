"""Parts of a mapping into rules: origins, conversions, links, units; what cannot be compiled is a finding."""

from __future__ import annotations

import csv
import dataclasses
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import TemplateSyntaxError

from etl.mapping.arithmetic import Arithmetic
from etl.mapping.convert.checks import Checks
from etl.mapping.convert.converters import LINKS, LISTS, converter_for
from etl.mapping.convert.faults import Faults
from etl.mapping.convert.link_texts import LinkForm
from etl.mapping.convert.measures import MeasurePart, RangePart
from etl.mapping.convert.numbers import Decimals, Marks
from etl.mapping.convert.steps import steps_of
from etl.mapping.convert.values import ValueTable, value_table, written
from etl.mapping.expressions import compile_expression
from etl.mapping.fields import FieldRule
from etl.mapping.file_rules import file_target
from etl.mapping.filing import Filing
from etl.mapping.findings import MappingProblem, choices, finding
from etl.mapping.fitting import link_entity
from etl.mapping.origins import Computed, FirstOf, Fixed, FromColumn, Joined, LookedUp, Prepared, RowNumber
from etl.mapping.parts import LinkDoc
from etl.model import LinkTarget, Missing, Problem
from etl.problems import CATALOGUE
from etl.schema import FieldSchema, Schema

if TYPE_CHECKING:
    from pathlib import Path

    from etl.mapping.columns import Layout
    from etl.mapping.convert.steps import Step
    from etl.mapping.document import Origin, ValueDoc
    from etl.mapping.expressions import Expression
    from etl.mapping.filing import Folders
    from etl.mapping.loading import Mapping
    from etl.mapping.origins import Source
    from etl.mapping.parts import FileDoc, NumberRule, UnitDoc, ValuesDoc
    from etl.mapping.positions import Path_
    from etl.schema import EntitySchema

NOTHING = Fixed("")


@dataclass(slots=True)
class Compiler:
    """Compiles the parts of one mapping; collects what is wrong with them."""

    mapping: Mapping
    entity: EntitySchema
    layout: Layout
    problems: list[MappingProblem] = field(default_factory=list)
    key_parts: frozenset[str] = frozenset()
    """Names of the fields of the key."""
    schema: Schema = field(default_factory=lambda: Schema({}))
    """Targets of links that the instance does not show (`Entity`) take ids as they stand."""
    folders: Folders | None = None
    """Looks into base folders of files; None: cells that are files are taken as they stand."""

    def rules(
        self, name: str, doc: ValueDoc, target: FieldSchema, *, path: Path_, origin: Source | None = None
    ) -> list[FieldRule]:
        """Return the rules of one entry: one per payload key that it fills.

        Args:
            origin: where the cells come from; None: as `doc` says.
        """
        origin = origin if origin is not None else self.origin(doc, path)
        made = self._rule(name, doc, target, path=path, origin=origin)
        if doc.range is not None:
            ends = []
            for end, part in (("From", 0), ("To", 1)):
                steps = (*made.steps, RangePart(doc.range, part))
                own = dataclasses.replace(target, name=f"{target.name}{end}")
                ends.append(dataclasses.replace(made, key=own.name, field=own, steps=steps))
            rules = ends
        elif doc.measure is not None:
            measure = doc.measure
            number = dataclasses.replace(made, steps=(*made.steps, MeasurePart(takes_unit=False)))
            table = self.values(measure.values, "fail", (*path, "measure", "values"))
            parts = (*made.steps, MeasurePart(takes_unit=True, default=measure.default))
            unit = self._unit_rule(made, target, measure.by, origin=origin, steps=parts, values=table)
            return [number, unit]
        else:
            rules = [made]
        if doc.unit is not None:
            rules.append(self._unit(made, target, doc.unit, follows=rules[0].key, path=(*path, "unit")))
        return rules

    def origin(self, doc: Origin, path: Path_) -> Source:  # noqa: PLR0911  one case per origin
        """Return where cells come from; of nested origins with their conversions."""
        if doc.column is not None:
            return FromColumn(doc.column)
        if doc.columns is not None:
            return Joined(doc.columns, doc.join)
        if doc.first_of is not None:
            parts = []
            for position, one in enumerate(doc.first_of):
                inner = (*path, "first_of", position)
                parts.append(Prepared(self.origin(one, inner), self.steps(one, inner)))
            return FirstOf(tuple(parts))
        if doc.expr is not None:
            expression = self.expression(doc.expr, (*path, "expr"))
            return Computed(expression) if expression else NOTHING
        if doc.row_number is not None:
            return RowNumber()
        if doc.lookup is not None:
            entries = self._file(doc.lookup.file, doc.lookup.from_, doc.lookup.to, (*path, "lookup"))
            return LookedUp(doc.lookup.column, value_table(entries, "skip"))
        return Fixed(written(doc.constant) or "")

    def steps(self, doc: Origin, path: Path_) -> tuple[Step, ...]:
        """Return the conversions of text."""
        for key, pattern in (
            ("extract", doc.extract),
            ("replace", doc.replace.pattern if doc.replace else None),
        ):
            if pattern is not None and (reason := _regex_error(pattern)):
                self._wrong((*path, key), reason)
                return ()
        for position, step in enumerate(doc.steps or ()):
            inner = step.extract or (step.replace.pattern if step.replace else None)
            if inner and (reason := _regex_error(inner)):
                self._wrong((*path, "steps", position), reason)
                return ()
        return steps_of(doc)

    def expression(self, text: str, path: Path_) -> Expression | None:
        """Return the compiled expression; None where it is none."""
        try:
            return compile_expression(text)
        except TemplateSyntaxError as error:
            spot = self.mapping.spot(*path)
            self.problems.append(finding("expression_invalid", spot, reason=error.message))
            return None

    def values(self, doc: ValuesDoc | None, otherwise: str, path: Path_) -> ValueTable | None:
        """Return what cells stand for; None where the mapping says nothing."""
        if doc is None:
            return None
        if doc.file is None:
            return value_table(doc.entries, otherwise)
        return value_table(self._file(doc.file, doc.from_ or "", doc.to or "", path), otherwise)

    def target_of(self, doc: ValueDoc, target: FieldSchema) -> LinkTarget:
        """Return where the texts of a link are looked up, or its files are taken from."""
        replaces = doc.links == "replace"
        if doc.file is not None:
            return file_target(doc.file, target, base=self._base(doc.file), doc=doc)
        return self.link(doc.link or LinkDoc(), target, replaces=replaces)

    def filing_of(self, doc: ValueDoc) -> Filing | None:
        """Return what is made of cells that are files; None where they are none."""
        if doc.file is None:
            return None
        look = self.folders(self._base(doc.file)) if self.folders is not None else None
        return Filing(doc.file.folder or "", doc.file.name or "", look)

    def _base(self, doc: FileDoc) -> Path:
        return self.mapping.path.parent / doc.base

    def link(self, doc: LinkDoc, target: FieldSchema, *, replaces: bool) -> LinkTarget:
        """Return where the texts of a link are looked up."""
        is_option = target.kind in ("list_option", "list_options")
        return LinkTarget(
            field=target.name,
            key=target.payload_key,
            entity=link_entity(target),
            by=doc.by[0],
            is_multiple=target.kind in LISTS,
            missing=doc.missing,
            replaces=replaces,
            constants=MappingProxyType(dict(doc.create)),
            also_by=doc.by[1:],
            within=MappingProxyType(
                {"extensibleEnumsIds": target.list_id} if is_option and target.list_id else {}
            ),
            where=doc.where or "",
            path=doc.path or "",
            leaf=doc.leaf,
            place="source" if doc.of and doc.in_ == "server" else doc.in_,
            block=doc.of or "",
        )

    def _rule(
        self, name: str, doc: ValueDoc, target: FieldSchema, *, path: Path_, origin: Source
    ) -> FieldRule:
        column = self.layout.names.get(doc.column) if doc.column is not None else None
        number = doc.number or (column.number if column else None) or self.mapping.source.number
        date = doc.date or (column.date if column else None) or self.mapping.source.date
        says_values = doc.values is not None
        # What the mapping itself writes (constants, defaults, values) is written as machines do.
        reader = converter_for(target) if says_values else converter_for(target, number=number, date=date)
        arithmetic = None
        if (doc.divide_by, doc.multiply_by, doc.round) != (None, None, None):
            arithmetic = self._arithmetic(doc, target, number)
            if target.kind in ("int", "range_int"):
                reader = Decimals(_marks(None if says_values else number), target.minimum, target.maximum)
        is_object = doc.link is not None and doc.link.send == "object"
        link = doc.link if target.kind in LINKS and link_entity(target) in self.schema.entities else None
        rule = FieldRule(
            name,
            target,
            target.name if is_object else target.payload_key,
            origin=origin,
            converter=reader,
            steps=self.steps(doc, path),
            split=doc.split,
            values=self.values(doc.values, doc.otherwise, (*path, "values")),
            arithmetic=arithmetic,
            checks=self._checks(doc, path),
            when=self.expression(doc.when, (*path, "when")) if doc.when else None,
            link=self.target_of(doc, target) if (link and not is_object) or doc.file else None,
            link_form=_form(link) if link else None,
            filing=self.filing_of(doc),
            skips_bad_cells=doc.on_error == "skip_field",
            is_key=target.name in self.key_parts,
            on_empty=self._on_empty(doc, target),
            empty_code="key_empty" if target.name in self.key_parts else "required_empty",
        )
        if doc.constant is not None and doc.file is None:
            # A constant is written as machines do, whatever the source's rules.
            plain = dataclasses.replace(rule, converter=converter_for(target))
            rule = dataclasses.replace(rule, constant=self._fixed(plain, doc, "constant", path))
        if doc.default is not None:
            plain = dataclasses.replace(rule, converter=converter_for(target), values=None, steps=())
            rule = dataclasses.replace(rule, default=self._fixed(plain, doc, "default", path))
        labels = tuple(self.layout.header(one) or one for one in origin.columns)
        return dataclasses.replace(rule, labels=labels)

    def _on_empty(self, doc: ValueDoc, target: FieldSchema) -> str:
        is_needed = (
            target.is_required and not target.has_default and self.mapping.write in ("upsert", "create")
        )
        if doc.required or target.name in self.key_parts or (doc.on_empty is None and is_needed):
            return "fail"
        return doc.on_empty or self.mapping.doc.on_empty

    def _unit(
        self, made: FieldRule, target: FieldSchema, doc: UnitDoc, *, follows: str, path: Path_
    ) -> FieldRule:
        origin: Source = FromColumn(doc.column) if doc.column is not None else Fixed(doc.constant or "")
        table = self.values(doc.values, "fail", (*path, "values"))
        rule = self._unit_rule(made, target, doc.by, origin=origin, steps=(), values=table)
        empty = "fail" if doc.column is not None else "skip"
        return dataclasses.replace(rule, follows=follows, on_empty=empty, empty_code="required_empty")

    def _unit_rule(
        self,
        made: FieldRule,
        target: FieldSchema,
        by: str,
        *,
        origin: Source,
        steps: tuple[Step, ...],
        values: ValueTable | None,
    ) -> FieldRule:
        unit = FieldSchema(f"{target.name}Unit", "link", "link", target="Unit")
        within = {"measureId": target.measure} if target.measure else {}
        link = LinkTarget(
            unit.name, unit.payload_key, "Unit", by, is_multiple=False, missing=Missing.FAIL, within=within
        )
        return dataclasses.replace(
            made,
            field=unit,
            key=unit.payload_key,
            origin=origin,
            steps=steps,
            values=values,
            constant=None,
            default=None,
            arithmetic=None,
            checks=None,
            link=link,
            link_form=None,
            on_empty="skip",
            follows=made.key,
            labels=tuple(self.layout.header(one) or one for one in origin.columns),
        )

    def _arithmetic(self, doc: ValueDoc, target: FieldSchema, number: NumberRule | None) -> Arithmetic:
        whole = target.kind in ("int", "range_int")
        return Arithmetic(doc.multiply_by, doc.divide_by, doc.round, whole, Decimals(_marks(number)))

    def _checks(self, doc: ValueDoc, path: Path_) -> Checks | None:
        if doc.check is None:
            return None
        if doc.check.regex is not None:
            try:
                pc.match_substring_regex(pa.array([""]), doc.check.regex)
            except pa.ArrowInvalid as error:
                self._wrong(
                    (*path, "check", "regex"), str(error).removeprefix("Invalid regular expression: ")
                )
                return None
        return Checks(doc.check)

    def _fixed(self, rule: FieldRule, doc: ValueDoc, part: str, path: Path_) -> pa.Array | None:
        faults = Faults()
        text = written(doc.constant if part == "constant" else doc.default)
        made = rule.converted(pa.array([text], pa.string()), faults)
        if rule.arithmetic is not None:
            made = pc.cast(made, pa.int64() if rule.arithmetic.is_whole else pa.float64())
        for fault in faults.found:
            problem = Problem(fault.code, "", field=rule.field.name, value=fault.value, facts=fault.facts)
            facts = {"value": problem.value, "field": problem.field, "column": "", **problem.facts}
            reason = CATALOGUE[fault.code].sentence.format_map(facts)
            spot = self.mapping.spot(*path, part)
            self.problems.append(finding("value_unusable", spot, where=part, field=rule.name, reason=reason))
        return None if faults.found else made

    def _file(self, file: str, source: str, to: str, path: Path_) -> dict[str, str]:
        place = self.mapping.path.parent / file
        try:
            with place.open(encoding="utf-8-sig", newline="") as opened:
                sample = opened.read(4096)
                opened.seek(0)
                delimiter = max(";,\t", key=sample.split("\n", 1)[0].count)
                table = csv.DictReader(opened, delimiter=delimiter)
                header = table.fieldnames or []
                rows = list(table) if {source, to} <= set(header) else []
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no CSV in UTF-8"
            spot = self.mapping.spot(*path)
            self.problems.append(
                finding("table_unusable", spot, file=file, reason=reason, advice="Correct the path.")
            )
            return {}
        for name in (source, to):
            if name not in header:
                spot = self.mapping.spot(*path)
                advice = choices(name, header, what="Columns there")
                reason = f'it has no column "{name}"'
                self.problems.append(finding("table_unusable", spot, file=file, reason=reason, advice=advice))
        return {row[source]: row[to] for row in rows if row[source]}

    def _wrong(self, path: Path_, reason: str) -> None:
        spot = self.mapping.spot(*path)
        self.problems.append(finding("regex_invalid", spot, reason=reason))


def _form(doc: LinkDoc) -> LinkForm | None:
    is_object = doc.send == "object"
    if len(doc.by) == 1 and doc.path is None and not is_object:
        return None
    return LinkForm(doc.by, doc.delimiter, doc.path, is_object)


def _marks(number: NumberRule | None) -> Marks:
    return Marks(number.decimal, number.thousands, is_said=True) if number else Marks()


def _regex_error(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""

# ruff: noqa: E501  whole messages are compared, as a person reads them
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl import mapping as language
from etl.errors import MappingInvalid
from etl.mapping.findings import FINDINGS
from tests.mapping.conftest import frame
from tests.mapping.test_language import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.schema import Schema

H = "entity: Tool\nkey: number\n"
F = H + "fields:\n  number: No\n  name: Name\n"
HEADER = ("No", "Name", "A", "B")
CASES: list[tuple[str, str, tuple[str, ...] | None, dict[str, object], str]] = [
    ("yaml_invalid", "a: [1", None, {},
     "m.yaml:1:6: this is no YAML: expected ',' or ']', but got '<stream end>'. Correct it."),
    ("unknown_key", F + "on_emty: skip", HEADER, {},
     'm.yaml:6:1: there is no key "on_emty" here. Keys here: entity, key, write, rows, fields, attributes, associations, patterns, on_absent, scope, on_duplicate, on_missing, on_existing, on_empty, on_conflict, write_attributes, extends, source, export, main_language, columns, ignore, markers, blocks. Did you mean "on_empty"?'),
    ("missing_key", "key: number", None, {},
     'm.yaml:1:1: the key "entity" is missing. Add it.'),
    ("wrong_form", F + "  text: {column: A, round: -1}", HEADER, {},
     'm.yaml:6:28: a number of at least 0 is expected, "-1" stands here. Correct it.'),
    ("wrong_form", F + "  text: {column: A, on_empty: maybe}", HEADER, {},
     'm.yaml:6:31: "maybe" is not known here. Known are: skip, clear, fail.'),
    ("wrong_form", F + "  text: {column: A, join: [1]}", HEADER, {},
     'm.yaml:6:27: a text is expected, "[1]" stands here. Correct it.'),
    ("wrong_form", F + "markers: {clear: [x], skip: [x]}", HEADER, {},
     'm.yaml:6:10: "x" means two things. Let markers differ.'),
    ("wrong_form", F + "  text: {column: A, steps: [{trim: true, slug: true}]}", HEADER, {},
     'm.yaml:6:29: a step is a single conversion. Write "- trim: true", each in its own line.'),
    ("wrong_form", F + "  text: {column: A, unit: {by: code}}", HEADER, {},
     'm.yaml:6:27: a unit needs one origin. Write "unit: kg" or "unit: {column: …}".'),
    ("wrong_form", F + "source: {sheet: [1]}", HEADER, {},
     'm.yaml:6:17: a text is expected, "[1]" stands here. Correct it.'),
    ("wrong_form", F + "attributes: {x: {names: 'a {n}'}}", HEADER, {},
     'm.yaml:6:17: names and values come in pairs. Give "names" and "values", and no other origin.'),
    ("wrong_form", F + "patterns: [{header: x}]", HEADER, {},
     'm.yaml:6:12: a pattern needs one target. Give it "attribute" or "field".'),
    ("wrong_form", F + "  categories: {column: A, link: {by: code}, with: {sorting: B}}", HEADER, {},
     'm.yaml:6:15: "with" belongs to relation records. Write the origin as "each: …".'),
    ("wrong_form", F + "  categories: {column: A, each: B, link: {by: code}}", HEADER, {},
     'm.yaml:6:15: a field has "each" or another origin. Keep one of them.'),
    ("wrong_form", F + "blocks: [{id: a, entity: Tool}]", HEADER, {},
     "m.yaml:1:1: a mapping has blocks or fields of its own. Move the fields into a block."),
    ("extends_unusable", F + "extends: gone.yaml", HEADER, {},
     'm.yaml:6:10: "gone.yaml" cannot be extended: there is no such file. Correct the path.'),
    ("extends_unusable", F + "extends: m.yaml", HEADER, {},
     'm.yaml:6:10: "m.yaml" cannot be extended: it extends itself. Correct the path.'),
    ("regex_invalid", F + "  text: {column: A, extract: '('}", HEADER, {},
     "m.yaml:6:30: this is no regular expression: missing ), unterminated subpattern at position 0. Correct it."),
    ("regex_invalid", F + "  text: {column: A, check: {regex: '('}}", HEADER, {},
     "m.yaml:6:36: this is no regular expression: missing ): (. Correct it."),
    ("expression_invalid", F + "  text: {expr: 'row.A ~'}", HEADER, {},
     "m.yaml:6:16: this is no expression: unexpected 'end of template'. Correct it."),
    ("table_unusable", F + "  text: {column: A, values: {file: gone.csv, from: a, to: b}}", HEADER, {},
     'm.yaml:6:29: "gone.csv" cannot be used: No such file or directory. Correct the path.'),
    ("table_unusable", F + "  text: {column: A, values: {file: v.csv, from: a, to: c}}", HEADER, {},
     'm.yaml:6:29: "v.csv" cannot be used: it has no column "c". Columns there: a, b.'),
    ("date_format_invalid", F + "  since: {column: A, date: DD.MM}", HEADER, {},
     'm.yaml:6:28: "DD.MM" is no form of dates. Make it of YYYY YY MM M DD D HH H mm ss and the marks between them.'),
    ("zone_unknown", F + "  moment: {column: A, date: {formats: DD.MM.YYYY, zone: Europe/Berln}}", HEADER, {},
     'm.yaml:6:29: there is no time zone "Europe/Berln". Write one such as Europe/Berlin. Did you mean "Europe/Berlin"?'),
    ("no_measure", F + "attributes: {color: {column: A, unit: kg}}", HEADER, {"attributes": 1},
     'm.yaml:6:14: color of Tool has no measure, so it takes no unit. Remove "unit".'),
    ("not_multiple", F + "attributes: {color: {column: A, split: ','}}", HEADER, {"attributes": 1},
     'm.yaml:6:14: color holds one value, and split makes several. Remove "split".'),
    ("unused_column", F + "  text: A\nignore: ['[B]', 'B?']", HEADER, {},
     'm.yaml:3:1: nothing uses column "B". Map it, or list it under "ignore".'),
    ("unknown_attribute", F + "attributes: {'{code}': {names: '{n}A', values: '{n}B', as: {Colour: colour}}}", ("No", "Name", "1A", "1B"), {"attributes": 1},
     'm.yaml:6:61: Tool has no attribute "colour". Attributes there: screenSize, color, Odd one. Did you mean "color"?'),
    ("unknown_block", "blocks:\n  - {id: a, entity: Tool, key: number, fields: {number: No, name: Name, parents: {column: A, link: {by: number, of: b}}}}", HEADER, {},
     'm.yaml:2:117: there is no block "b". Blocks here: a.'),
    ("unknown_block", F + "  parents: {column: A, link: {by: number, of: b}}", HEADER, {},
     'm.yaml:6:47: there is no block "b". This mapping has no blocks.'),
    ("block_twice", "blocks:\n  - {id: a, entity: Tool, key: number, fields: {number: No, name: Name}}\n  - {id: a, entity: Maker, key: code, fields: {code: No, name: A}}", HEADER, {},
     'm.yaml:3:10: the block "a" stands here a second time. Give it another id.'),
    ("blocks_need_each_other", "blocks:\n  - {id: a, entity: Tool, key: number, fields: {number: No, name: Name, parents: {column: A, link: {by: number, of: b}}}}\n  - {id: b, entity: Tool, key: number, fields: {number: A, name: Name, parents: {column: No, link: {by: number, of: a}}}}", HEADER, {},
     "m.yaml:1:1: these blocks link to each other: a, b. They run in the order of the text; links to what is not there yet come with the next import."),
    ("unknown_brace", F + "patterns: [{header: '{code} x', attribute: '{code}@{locale}'}]", HEADER, {},
     'm.yaml:6:12: "{code} x" has no {locale}. Braces of the target must stand in the header.'),
    ("unknown_entity", "entity: Tol\nkey: number\nfields: {number: No}", HEADER, {},
     'm.yaml:1:9: the instance has no entity "Tol". Entities there: Tool, Maker, Group, ToolGroup, AssociatedTool, Association, ToolPhoto, File, Attribute, Channel, Unit, ExtensibleEnumOption. Did you mean "Tool"?'),
    ("unknown_field", F + "  stok: A", HEADER, {},
     'm.yaml:6:3: Tool has no field "stok". Fields there: name, nameDeDe, number, text, stock, price, weight, isActive, since, moment, state, tags, labels, data, ean, size, colour, materials, brand, categories, parents, parent, image, files, associatedItems, scope, photos, id. Did you mean "stock"?'),
    ("unknown_attribute", F + "attributes: {colour: A}", HEADER, {"attributes": 1},
     'm.yaml:6:14: Tool has no attribute "colour". Attributes there: screenSize, color, Odd one. Did you mean "color"?'),
    ("address_invalid", F + "attributes: {'@de': A}", HEADER, {},
     'm.yaml:6:14: "@de" is no address of an attribute. Write code@language#channel[unit].'),
    ("language_unknown", F + "attributes: {color@fr_FR: A}", HEADER, {"attributes": 1},
     'm.yaml:6:14: attribute "color" has no value in "fr_FR". Its further languages: de_DE.'),
    ("no_attributes", "entity: Maker\nkey: code\nfields: {code: No, name: Name}\nattributes: {color: A}", HEADER, {},
     'm.yaml:4:1: Maker takes no attributes. Remove "attributes", or map fields.'),
    ("no_associations", "entity: Maker\nkey: code\nfields: {code: No, name: Name}\nassociations: {up: A}", HEADER, {},
     'm.yaml:4:16: Maker takes no associations. Remove "associations".'),
    ("no_relation", F + "  brand: {each: A, link: {by: name}}", HEADER, {},
     'm.yaml:6:3: "brand" of Tool is no link with a relation entity, or has no "link". Write "each" on a link to many with "link: {by: …}".'),
    ("link_in_relation", F + "  categories: {each: A, link: {by: code}, with: {group: {column: B, link: {by: code}}}}", HEADER, {},
     'm.yaml:6:50: "group" of ToolGroup is a link. Relation records take values, one "link" names their other end.'),
    ("read_only_field", F + "  createdAt: A", HEADER, {},
     "m.yaml:6:3: createdAt of Tool is set by the server alone. Remove it, or map another field."),
    ("field_twice", F + "  number|text: A", HEADER, {},
     'm.yaml:6:3: "number|text" and "number" both write number of Tool. Keep one of them.'),
    ("required_unmapped", H + "fields: {number: No}", HEADER, {},
     'm.yaml:3:1: Tool requires name, and nothing here fills it. Map a column to it, or give it a constant; with "write: update" it may stay unmapped.'),
    ("unsupported_field", F + "  shape: A", HEADER, {},
     "m.yaml:6:3: shape has the type polygon, which this mapping cannot write. Remove it."),
    ("files_unsaid", F + "  image: A", HEADER, {},
     'm.yaml:6:3: image holds files, and nothing says where they are. Add "file: {base: ../images}", or for files that AtroCore has "link: {by: name}".'),
    ("not_a_file", F + "  text: {column: A, file: .}", HEADER, {},
     'm.yaml:6:3: text holds no files but text. Remove "file".'),
    ("not_a_file", F + "  brand: {column: A, file: .}", HEADER, {},
     'm.yaml:6:3: brand holds no files but link. Remove "file".'),
    ("no_base_folder", F + "  image: {column: A, file: {base: gone}}", HEADER, {},
     'm.yaml:6:35: there is no folder "gone". It would be DIR/gone. Correct it.'),
    ("storage_ignored", F + "  image: {column: A, file: {storageId: s1}}", HEADER, {},
     'm.yaml:6:29: AtroCore ignores storageId: the folder decides where a file is stored. Remove it, and name a folder of that storage with "folder".'),
    ("wrong_form", F + "  image: {column: A, file: ., link: {by: name}}", HEADER, {},
     'm.yaml:6:10: a field has "link" or "file". Keep the one that says what the cells hold.'),
    ("wrong_form", F + "  image: {column: A, file: {share: {valid_till: soon}}}", HEADER, {},
     'm.yaml:6:36: "soon" is no moment. Write "2027-01-31" or "2027-01-31 18:00".'),
    ("wrong_form", F + "  image: {column: A, file: {max_size: 20}}", HEADER, {},
     'm.yaml:6:39: a text is expected, "20" stands here. Correct it.'),
    ("wrong_form", F + "  image: {column: A, file: {max_size: huge}}", HEADER, {},
     'm.yaml:6:28: "huge" is no size. Write "500 KB", "20 MB" or "1.5 GB".'),
    ("unknown_column", F + "  image: {column: A, file: {folder: 'shop/{Handle}'}}", HEADER, {},
     'm.yaml:6:37: column "Handle" is not in the source. Columns there: No, Name, A, B. Did you mean "A"?'),
    ("no_relation", F + "  files: {column: A, file: .}", HEADER, {},
     'm.yaml:6:3: "files" of Tool is no link with a relation entity, or has no "link". Write "each" on a link to many with "link: {by: …}".'),
    ("not_multiple", F + "  text: {column: A, split: ','}", HEADER, {},
     'm.yaml:6:3: text holds one value, and split makes several. Remove "split".'),
    ("not_a_number_field", F + "  text: {column: A, number: {decimal: ','}}", HEADER, {},
     'm.yaml:6:21: text holds no numbers but text. Remove "number".'),
    ("not_a_date_field", F + "  text: {column: A, date: DD.MM.YYYY}", HEADER, {},
     'm.yaml:6:21: text holds no dates but text. Remove "date".'),
    ("range_without_mark", F + "  size: A", HEADER, {},
     "m.yaml:6:3: size is a range. Give the mark between its ends, range: '-', or map sizeFrom and sizeTo."),
    ("not_a_range_field", F + "  price: {column: A, range: '-'}", HEADER, {},
     'm.yaml:6:3: price is no range but float. Remove "range".'),
    ("no_measure", F + "  stock: {column: A, unit: kg}", HEADER, {},
     'm.yaml:6:3: stock of Tool has no measure, so it takes no unit. Remove "unit".'),
    ("value_unusable", F + "  stock: {column: A, default: many}", HEADER, {},
     'm.yaml:6:31: default of stock cannot be sent: "many" is not a number. Write it as AtroCore keeps it.'),
    ("value_unusable", F + "  isActive: {column: A, values: {ja: yes}}", HEADER, {},
     'm.yaml:6:38: values "ja" of isActive cannot be sent: "yes" is neither true nor false. Write it as AtroCore keeps it.'),
    ("value_unusable", F + "  state: {constant: redy}", HEADER, {},
     'm.yaml:6:21: constant of state cannot be sent: "redy" is no option of state (did you mean "ready"?). Write it as AtroCore keeps it.'),
    ("not_a_link", F + "  text: {column: A, link: {by: name}}", HEADER, {},
     'm.yaml:6:3: text is no link but text. Remove "link".'),
    ("link_without_by", F + "  brand: A", HEADER, {},
     'm.yaml:6:3: brand is a link to Maker, and nothing says what the cells hold. Add "link: {by: name}", or by another field of Maker.'),
    ("unknown_link_field", F + "  brand: {column: A, link: {by: nam}}", HEADER, {},
     'm.yaml:6:3: Maker has no field "nam". Fields there: name, code, id. Did you mean "name"?'),
    ("unknown_link_field", F + "  brand: {column: A, link: {by: name, create: {cod: x}}}", HEADER, {},
     'm.yaml:6:3: Maker has no field "cod". Fields there: name, code, id. Did you mean "code"?'),
    ("unknown_link_field", F + "associations: {up: {column: A, by: sku}}", HEADER, {},
     'm.yaml:6:36: Tool has no field "sku". Fields there: name, nameDeDe, number, text, stock, price, weight, isActive, since, moment, state, tags, labels, data, ean, size, colour, materials, brand, categories, parents, parent, image, files, associatedItems, scope, photos, id.'),
    ("target_unknown", F + "  scope: {column: A, link: {by: name}}", HEADER, {},
     'm.yaml:6:3: scope links to Entity, which this instance shows nothing of. Link by id: "link: {by: id}".'),
    ("link_creates_by_id", F + "  brand: {column: A, link: {missing: create}}", HEADER, {},
     'm.yaml:6:3: targets of brand cannot be created from an id alone. Link by a name or a code, or remove "missing: create".'),
    ("object_by_id", F + "  brand: {column: A, link: {send: object}}", HEADER, {},
     "m.yaml:6:3: brand is sent as an object with nothing but an id. Link by a name or a code, or send ids."),
    ("objects_dropped", F + "  brand: {column: A, link: {by: name, send: object}}", HEADER, {"generation": "2.1"},
     'm.yaml:6:3: servers of generation 2.1 drop the object of brand. Remove "send: object".'),
    ("replace_cuts", F + "  categories: {column: A, link: {by: code}, links: replace}", HEADER, {},
     'm.yaml:6:52: links of categories that are not in the source will be cut. Keep it where that is meant, else remove "links: replace".'),
    ("key_unmapped", "entity: Tool\nkey: ean\nfields: {number: No, name: Name}", HEADER, {},
     'm.yaml:2:6: the key "ean" is not among the fields. Map a column to it, or take another key.'),
    ("key_is_list", "entity: Tool\nkey: [number, labels]\nfields: {number: No, name: Name, labels: A}", HEADER, {},
     'm.yaml:2:15: the key "labels" is a list, and records are told apart by single values. Take another key.'),
    ("key_is_list", "entity: Tool\nkey: [number, brand]\nfields: {number: No, name: Name, brand: {column: A, link: {by: name}}}", HEADER, {},
     'm.yaml:2:15: the key "brand" is a link, and records are told apart by single values. Take another key.'),
    ("key_is_constant", H + "fields: {number: {constant: 1}, name: Name}", HEADER, {},
     'm.yaml:2:6: the key "number" is the same for every row. Map a column to it.'),
    ("key_missing", "entity: Tool\nfields: {number: No, name: Name}", HEADER, {},
     'm.yaml:1:1: without a key no record can be found again. Give a key, or write "write: create".'),
    ("key_may_be_renamed", "entity: Tool\nkey: name\nfields: {name: Name}", HEADER, {},
     'm.yaml:2:6: the key "name" is a text that people rename. Take a number or a code, if the source has one.'),
    ("unique_fields_disagree", "entity: Maker\nkey: name\nfields: {code: No, name: Name}", HEADER, {},
     "m.yaml:3:10: code is unique on the server too, and records are found by name alone. A row whose code belongs to another record will be refused."),
    ("id_in_mapping", F + "  brand: {constant: 65f0a1b2c3d4e5f60, link: {by: id}}", HEADER, {},
     'm.yaml:6:21: "65f0a1b2c3d4e5f60" looks like the id of a record, which differs between instances. Name it by a code.'),
    ("unknown_column", F + "  text: Aa", HEADER, {},
     'm.yaml:6:9: column "Aa" is not in the source. Columns there: No, Name, A, B. Did you mean "A"?'),
    ("unknown_column", F + "  text: {expr: row.Gone}", HEADER, {},
     'm.yaml:6:16: column "Gone" is not in the source. Columns there: No, Name, A, B.'),
    ("column_twice", F + "  text: A", ("No", "Name", "A", "B", "A"), {},
     'm.yaml:6:9: column "A" stands 2 times in the source. Rename one of them in the source.'),
    ("unused_column", F + "  text: A\nignore: [X*]", ("No", "Name", "A", "B", "Xy", "_run"), {},
     'm.yaml:3:1: nothing uses column "B". Map it, or list it under "ignore".'),
    ("no_pairs", F + "attributes: {'{code}': {names: 'N {n}', values: 'V {n}'}}", HEADER, {},
     'm.yaml:6:24: no two columns fit "N {n}" and "V {n}". Write them as the source does, with {n} for what counts.'),
    ("absent_without_key", "entity: Tool\nwrite: create\non_absent: delete\nfields: {number: No, name: Name}", HEADER, {},
     'm.yaml:3:12: without a key no record is found again, so none can be called absent. Give a key, or remove "on_absent".'),
    ("absent_with_where", F + "on_absent: delete\nrows: {where: \"No != ''\"}", HEADER, {},
     'm.yaml:6:12: rows that "rows.where" leaves out would count as absent. Remove it, or remove "on_absent".'),
    ("absent_without_active", "entity: Maker\nkey: code\non_absent: deactivate\nfields: {code: No, name: Name}", HEADER, {},
     "m.yaml:3:12: Maker has no field isActive, which is what deactivate switches off. Write delete or keep."),
    ("conflict_of_links", F + "  categories: {column: A, link: {by: code}, on_conflict: server}", HEADER, {},
     'm.yaml:6:58: "on_conflict" is not carried out for links that are added to others. Remove it.'),
    ("conflict_of_links", F + "  categories: {each: {column: A}, link: {by: code}, on_conflict: server}", HEADER, {},
     'm.yaml:6:66: "on_conflict" is not carried out for relation records. Remove it.'),
    ("pattern_idle", F + "patterns: [{header: '{code}-en', attribute: '{code}'}]", HEADER, {},
     'm.yaml:6:12: "{code}-en" catches no column. Correct it, or remove the pattern.'),
]  # fmt: skip
ELSEWHERE = {"no_way_back": "test_backwards", "keys_differ": "", "key_not_unique": "", "target_missing": ""}


@pytest.mark.parametrize(("code", "text", "header", "more", "said"), CASES)
def test_what_check_says(
    write: Callable[..., Path],
    schema: Schema,
    code: str,
    text: str,
    header: tuple[str, ...] | None,
    more: dict[str, object],
    said: str,
) -> None:
    path = write(text)
    write("a,b\n1,2\n", "v.csv")
    mapping, problems = language.read(path)
    if mapping is not None:
        facts = FACTS if "attributes" in more else None
        generation = more.get("generation")
        problems += language.check(
            mapping,
            header=header,
            schema=schema,
            attributes=facts,
            generation=str(generation) if generation else None,
        )
    assert said in [
        str(one).replace(f"{path.parent}/m", "m").replace(str(path.parent), "DIR")
        for one in problems
        if one.code == code
    ]


def test_every_code_has_a_case() -> None:
    assert {code for code, *_ in CASES} | set(ELSEWHERE) == set(FINDINGS)


def test_behind_a_key_that_nobody_knows_the_rest_is_checked_and_nothing_is_loaded(
    write: Callable[..., Path], schema: Schema
) -> None:
    path = write(H + "source: {file: a.csv, delimeter: x}\nfields:\n  number: No\n  name: Nmae\nblocks: 3\n")
    assert language.read(path)[0] is None
    path.write_text(path.read_text().replace("blocks: 3\n", "what: ever\n"))
    mapping, problems = language.read(path)
    assert mapping is not None
    assert [one.code for one in problems] == ["unknown_key", "unknown_key"]
    said = [str(one) for one in language.check(mapping, header=HEADER, schema=schema, source="b.csv")]
    assert any('column "Nmae" is not in b.csv' in one for one in said)
    with pytest.raises(MappingInvalid, match="delimeter"):
        language.load(path)


def test_all_blocks_are_bound_before_any_error_is_told_and_unknown_keys_stand_among_them(
    write: Callable[..., Path], schema: Schema
) -> None:
    block = "  - {{id: {0}, entity: Tool, key: number, fields: {{number: No, name: {1}}}}}\n"
    path = write("on_emty: skip\nblocks:\n" + block.format("a", "Nmae") + block.format("b", "Eman"))
    with pytest.raises(MappingInvalid) as caught:
        language.bind_parts(language.load_to_bind(path), header=HEADER, schema=schema)
    found = [problem.partition(".")[0] for problem in str(caught.value).replace(str(path), "m").split("\n")]
    assert found == [
        'm:1:1: there is no key "on_emty" here',
        'm:3:67: column "Nmae" is not in the source',
        'm:4:67: column "Eman" is not in the source',
    ]


def test_two_mappings_of_a_folder_that_find_records_differently_are_told(write: Callable[..., Path]) -> None:
    write(F, "other.yaml")
    mapping = language.load(write("entity: Tool\nkey: ean\nfields: {ean: No, name: Name}\n"))
    assert [one.message for one in language.check_folder(mapping)] == [
        "other.yaml finds records of Tool by number, this mapping by ean. Let them agree."
    ]


def test_a_key_that_is_not_unique_in_the_source_is_told(write: Callable[..., Path], schema: Schema) -> None:
    columns = {"No": ["1", "2", "1", None], "Name": ["a", "b", "c", "d"]}
    rules = language.bind(language.load(write(F)), header=tuple(columns), schema=schema)
    assert [one.message for one in language.repeated_keys(rules, [frame(columns)])] == [
        'the key "number" is not unique in the source: 1 of 4 rows repeat one, such as "1". Take a further field into the key, or choose with "on_duplicate".'
    ]


def test_targets_that_the_mapping_names_itself_must_be_there(
    write: Callable[..., Path], schema: Schema
) -> None:
    text = (
        F
        + "  brand: {column: A, values: {x: Acme, y: Gone}, link: {by: name}}\n  categories: {constant: a, link: {by: code}}\n"
    )
    rules = language.bind(language.load(write(text)), header=HEADER, schema=schema)
    assert language.fixed_texts(rules) == {"brandId": {"Acme", "Gone"}, "categoriesIds": {"a"}}
    assert [
        one.message for one in language.missing_targets(rules, {"brandId": {"Acme"}, "categoriesIds": {"a"}})
    ] == ['there is no Maker with name "Gone" on the server. Create it, or correct it.']


def test_errors_stand_in_the_way_of_binding_and_warnings_do_not(
    write: Callable[..., Path], schema: Schema
) -> None:
    assert language.bind(language.load(write(F)), header=HEADER, schema=schema)
    with pytest.raises(MappingInvalid, match=r"m\.yaml:6:9: column"):
        language.bind(language.load(write(F + "  text: Gone")), header=HEADER, schema=schema)

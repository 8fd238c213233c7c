"""The mapping language: YAML that says how a table becomes records, and back. It fetches nothing."""

from etl.mapping.attributes import AttributeFacts
from etl.mapping.backwards import BackColumn, back_columns, no_way_back
from etl.mapping.backwards_files import BackFiles, file_columns, is_file, place_columns
from etl.mapping.check import check
from etl.mapping.facts import fixed_texts, missing_targets, repeated_keys
from etl.mapping.file_rules import missing_types, named_types
from etl.mapping.filing import Folder, Named, is_address, name_of
from etl.mapping.findings import FINDINGS, MappingProblem
from etl.mapping.loading import Mapping, load, load_to_bind, read
from etl.mapping.ordering import in_order
from etl.mapping.rules import Rules, bind, bind_parts
from etl.mapping.suspicions import check_folder

__all__ = [
    "FINDINGS",
    "AttributeFacts",
    "BackColumn",
    "BackFiles",
    "Folder",
    "Mapping",
    "MappingProblem",
    "Named",
    "Rules",
    "back_columns",
    "bind",
    "bind_parts",
    "check",
    "check_folder",
    "file_columns",
    "fixed_texts",
    "in_order",
    "is_address",
    "is_file",
    "load",
    "load_to_bind",
    "missing_targets",
    "missing_types",
    "name_of",
    "named_types",
    "no_way_back",
    "place_columns",
    "read",
    "repeated_keys",
]

"""The mapping language: YAML that says how a table becomes records, and back. It fetches nothing."""

from etl.mapping.attributes import AttributeFacts
from etl.mapping.check import check
from etl.mapping.findings import FINDINGS, MappingProblem
from etl.mapping.loading import Mapping, load, read
from etl.mapping.rules import Rules, bind
from etl.mapping.suspicions import check_folder

__all__ = [
    "FINDINGS",
    "AttributeFacts",
    "Mapping",
    "MappingProblem",
    "Rules",
    "bind",
    "check",
    "check_folder",
    "load",
    "read",
]

"""The mapping language: YAML that says how a table becomes records, and back. Gets frames and facts, fetches nothing."""

from etl.mapping.check import check
from etl.mapping.findings import MappingProblem
from etl.mapping.loading import Mapping, load, read
from etl.mapping.rules import Rules, bind

__all__ = ["Mapping", "MappingProblem", "Rules", "bind", "check", "load", "read"]

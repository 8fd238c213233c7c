"""Payloads and what stands on the server -> Changes: create, update, unchanged, delete, blocked."""

from etl.planning.changes import plan_changes
from etl.planning.comparing import Compared, Comparison, Understands
from etl.planning.ground import KnownAttribute, PartGround, read_ground, write_ground
from etl.planning.kept import KeptValues, read_kept, write_kept
from etl.planning.lines import lines_of, unsent_lines
from etl.planning.plan import (
    AbsentCounts,
    PlanHeader,
    PlanWriter,
    header_of,
    is_as_written,
    read_header,
    read_lines,
)

__all__ = [
    "AbsentCounts",
    "Compared",
    "Comparison",
    "KeptValues",
    "KnownAttribute",
    "PartGround",
    "PlanHeader",
    "PlanWriter",
    "Understands",
    "header_of",
    "is_as_written",
    "lines_of",
    "plan_changes",
    "read_ground",
    "read_header",
    "read_kept",
    "read_lines",
    "unsent_lines",
    "write_ground",
    "write_kept",
]

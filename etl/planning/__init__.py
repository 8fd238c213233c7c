"""Payloads and what stands on the server -> Changes: create, update, unchanged, delete, blocked."""

from etl.planning.changes import plan_changes
from etl.planning.comparing import Compared, Comparison, Understands
from etl.planning.kept import KeptValues, read_kept, write_kept
from etl.planning.lines import lines_of, unsent_lines
from etl.planning.plan import PlanHeader, PlanWriter, header_of, read_header, read_lines

__all__ = [
    "Compared",
    "Comparison",
    "KeptValues",
    "PlanHeader",
    "PlanWriter",
    "Understands",
    "header_of",
    "lines_of",
    "plan_changes",
    "read_header",
    "read_kept",
    "read_lines",
    "unsent_lines",
    "write_kept",
]

"""Payloads and what stands on the server -> Changes: create, update, unchanged, delete, blocked."""

from etl.planning.changes import plan_changes
from etl.planning.comparing import Compared, Comparison, Understands

__all__ = ["Compared", "Comparison", "Understands", "plan_changes"]

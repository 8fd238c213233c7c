"""Payloads and what stands on the server -> Changes: create, update, unchanged, delete, blocked."""

from etl.planning.changes import plan_changes

__all__ = ["plan_changes"]

"""The nouns of a run: what travels from a table to a server and what becomes of it. Imports nothing of ours.

Where speed asks for columns the value is the column: a frame, payloads and changes hold Arrow arrays of equal
length, and an object of its own exists only for what went wrong.
"""

from etl.model.changes import Batch, ChangeKind, Changes
from etl.model.limits import Limits, Phase, Progress, ProgressListener
from etl.model.outcomes import Alike, Outcome, Outcomes
from etl.model.payloads import (
    AttributeTarget,
    AttributeValues,
    FilesFrom,
    LinkTarget,
    LinkTexts,
    Missing,
    Payloads,
    RelationRecords,
)
from etl.model.rows import ROW_PRECEDENCE, Frame, Problem, RowRef, Status, UnreadableRow

__all__ = [
    "ROW_PRECEDENCE",
    "Alike",
    "AttributeTarget",
    "AttributeValues",
    "Batch",
    "ChangeKind",
    "Changes",
    "FilesFrom",
    "Frame",
    "Limits",
    "LinkTarget",
    "LinkTexts",
    "Missing",
    "Outcome",
    "Outcomes",
    "Payloads",
    "Phase",
    "Problem",
    "Progress",
    "ProgressListener",
    "RelationRecords",
    "RowRef",
    "Status",
    "UnreadableRow",
]

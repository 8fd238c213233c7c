"""What a person decided, carried out: a plan, its workbook, and the way back of a run."""

from etl.applying.run import Intent, resume_applied, run_apply
from etl.applying.undo import run_undo

__all__ = ["Intent", "resume_applied", "run_apply", "run_undo"]

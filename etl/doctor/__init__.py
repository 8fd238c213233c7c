"""What stands in the way of a run: looks at an instance and says what is missing, slow or hidden."""

from etl.doctor.examining import examine
from etl.doctor.findings import Finding, Level
from etl.doctor.needs import Action, Need, least_role, needs_of
from etl.doctor.writing import try_writing

__all__ = ["Action", "Finding", "Level", "Need", "examine", "least_role", "needs_of", "try_writing"]

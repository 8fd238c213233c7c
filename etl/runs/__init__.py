"""The folder of a run, its lock, the history. No network."""

from etl.runs.folder import (
    Fingerprint,
    Run,
    RunFacts,
    begin_run,
    end_run,
    find_run,
    list_runs,
    load_run,
    new_run_id,
)
from etl.runs.keeping import old_runs, pack_run, remove_run
from etl.runs.lock import Holder, Process, RunLock, run_name, running_runs, this_process
from etl.runs.place import Place, Typed, command_line, target_of
from etl.runs.places import default_state_folder, find_project_file, make_state_folder, write_whole

__all__ = [
    "Fingerprint",
    "Holder",
    "Place",
    "Process",
    "Run",
    "RunFacts",
    "RunLock",
    "Typed",
    "begin_run",
    "command_line",
    "default_state_folder",
    "end_run",
    "find_project_file",
    "find_run",
    "list_runs",
    "load_run",
    "make_state_folder",
    "new_run_id",
    "old_runs",
    "pack_run",
    "remove_run",
    "run_name",
    "running_runs",
    "target_of",
    "this_process",
    "write_whole",
]

"""A small AtroCore over SQLite, for tests and rehearsals. It shares no code with the client."""

from etl.sandbox.options import OpenToOthers, Options
from etl.sandbox.server import Sandbox
from etl.sandbox.serving import run_in_thread, serve

__all__ = ["OpenToOthers", "Options", "Sandbox", "run_in_thread", "serve"]

"""Moves catalogues in bulk into and out of AtroCore.

    import etl
    with etl.connect("https://pim.example", username="api", password=...) as pim:
        report = etl.import_table("products.xlsx", "mappings/products.yaml", pim)

`__all__` is the promise; what it does not name may change. `etl.aio` has the same for event loops.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl import aio
    from etl.blocking import Pim, apply, connect, export_table, import_table, plan, resume, undo, upload
    from etl.errors import EtlError
    from etl.model import Limits
    from etl.report import Summary
    from etl.tables import ReadOptions

__all__ = [
    "EtlError",
    "Limits",
    "Pim",
    "ReadOptions",
    "Summary",
    "aio",
    "apply",
    "connect",
    "export_table",
    "import_table",
    "plan",
    "resume",
    "undo",
    "upload",
]

# Loaded when they are used: the command must answer `--help` without pandas.
_HOMES = {
    "EtlError": "etl.errors",
    "Limits": "etl.model",
    "Pim": "etl.blocking",
    "ReadOptions": "etl.tables",
    "Summary": "etl.report",
    "apply": "etl.blocking",
    "connect": "etl.blocking",
    "export_table": "etl.blocking",
    "import_table": "etl.blocking",
    "plan": "etl.blocking",
    "resume": "etl.blocking",
    "undo": "etl.blocking",
    "upload": "etl.blocking",
}


def __getattr__(name: str) -> object:
    """Load a promised name on its first use."""
    if name == "aio":
        return import_module("etl.aio")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'etl' has no attribute {name!r}")

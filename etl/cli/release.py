"""Which release of the package this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """Return the version that is installed, for example `0.1.0`; `unreleased` in a checkout that is not."""
    try:
        return version("atro-etl")
    except PackageNotFoundError:
        return "unreleased"

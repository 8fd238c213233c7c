"""The disk does not do what a run needs: it is full, or nothing may be written where its state lies."""

from __future__ import annotations

import errno
import sqlite3

from etl.errors.families import EtlError, Stopped, Unusable

FULL, READ_ONLY = "no space is left there", "nothing may be written there"
REASONS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.ENOTDIR: "a file lies where a folder is needed",
    errno.EEXIST: "a file lies where a folder is needed",
    errno.EIO: "the disk fails",
}
DATABASE_REASONS = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: READ_ONLY,
    sqlite3.SQLITE_IOERR: "the disk fails",
    sqlite3.SQLITE_NOTADB: "a database there is damaged",
    sqlite3.SQLITE_CORRUPT: "a database there is damaged",
}


class DiskUnusable(Unusable):
    """Nothing can be kept where a run would keep it; nothing was sent."""

    def __init__(self, path: str, *, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        """Say where and why, and how to keep it elsewhere."""
        return f"{self.path}: {self.reason}. Make it usable, or give another folder with --state-dir."


class DiskLost(Stopped):
    """Nothing more can be kept in the middle of a run."""

    def __init__(self, path: str, *, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        """Say where and why; what was sent by then is found again."""
        return f"{self.path}: {self.reason}, so the run was ended. Make it usable, then go on with the run."


def disk_error(error: BaseException, *, folder: str, has_begun: bool) -> EtlError | None:
    """Return what an error of the system means for a run; None: it is none of the disk's.

    Args:
        folder: what is named where the error names no file.
        has_begun: the run has its folder, and may have sent something.
    """
    path, reason = folder, None
    if isinstance(error, OSError):
        path, reason = str(error.filename or folder), REASONS.get(error.errno or 0)
    elif isinstance(error, sqlite3.Error):
        # The lower byte says what, the others say more.
        reason = DATABASE_REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if reason is None:
        return None
    return DiskLost(path, reason=reason) if has_begun else DiskUnusable(path, reason=reason)

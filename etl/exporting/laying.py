"""Where the files of an export end: a folder that grows, or a ZIP that appears when all are there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import ConfigurationInvalid
from etl.exporting.fetching import Fetching, Shelf, picked, stamp, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.api import Client
    from etl.exporting.staging import Stage
    from etl.model import ProgressListener
    from etl.report.tally import Tally

ZIP = ".zip"


@dataclass(slots=True)
class Laying:
    """The files of one run."""

    path: Path
    """A folder, or a file that ends in `.zip`."""
    state: Path
    scratch: Path
    """Where files lie until the ZIP is made."""
    is_forced: bool
    _fetching: Fetching | None = field(init=False, default=None)

    @property
    def is_zip(self) -> bool:
        """True: one file."""
        return self.path.suffix.lower() == ZIP

    @property
    def failed(self) -> int:
        """Files that could not be had."""
        return len(self._fetching.problems) if self._fetching else 0

    def check(self) -> None:
        """Refuse a place that is taken.

        Raises:
            ConfigurationInvalid: another file lies where the ZIP shall, or any where the folder shall.
        """
        if self.is_zip:
            is_own = self.path.is_file() and self._shelf().get(self.path.name) == stamp(self.path)
            if self.path.exists() and not is_own and not self.is_forced:
                what = f"{self.path} is there already, and is no export of this project as it was written."
                raise ConfigurationInvalid("--with-files", what=what, advice="Name another, or add --force.")
        elif self.path.exists() and not self.path.is_dir():
            what = f"{self.path} is no folder."
            raise ConfigurationInvalid("--with-files", what=what, advice="Name a folder, or a file .zip.")

    async def fetch(
        self,
        stage: Stage,
        client: Client,
        *,
        listener: ProgressListener | None,
        is_stopping: Callable[[], bool],
    ) -> None:
        """Fetch all files that the pages name.

        Raises:
            RequestFailed, NoAccess: the server is gone; what is there is whole.
        """
        folder = self.scratch if self.is_zip else self.path
        folder.mkdir(parents=True, exist_ok=True)
        known = {} if self.is_zip else self._shelf()
        self._fetching = Fetching(client, folder, known, is_forced=self.is_forced or self.is_zip)
        total = sum(map(len, stage.files()))
        try:
            await self._fetching.run(
                picked(stage.files()), total=total, listener=listener, is_stopping=is_stopping
            )
        finally:
            if not self.is_zip:
                Shelf(self.state, self.path).write(self._fetching.lain)

    def finish(self, tally: Tally) -> None:
        """Make the ZIP, where it is one, and count."""
        fetching = self._fetching
        if fetching is None:
            return
        if self.is_zip:
            zipped(self.scratch, sorted(fetching.lain), self.path)
            shutil.rmtree(self.scratch)
            Shelf(self.state, self.path.parent).write({self.path.name: stamp(self.path)})
        tally.add_files(fetching.counts)
        tally.add_problems(fetching.problems)

    def _shelf(self) -> dict[str, str]:
        return Shelf(self.state, self.path.parent if self.is_zip else self.path).read()

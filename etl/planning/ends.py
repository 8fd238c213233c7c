"""Where the ids of links come from: targets that were looked up, and files that stand on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from etl.model import LinkTarget, LinkTexts
    from etl.resolving import LinkFinder
    from etl.resolving.links import LinkIds


@dataclass(frozen=True, slots=True)
class FilesOfRows:
    """Files that some rows need."""

    links: LinkTexts
    file: str
    sheet: str | None
    numbers: pa.Int64Array
    """Source row of each of the texts."""


class FileIds(Protocol):
    """Files of cells, and the ids that they have on the server."""

    async def ask(self, files: Sequence[FilesOfRows]) -> None:
        """See to it that all these files have an id, or a reason why not.

        Raises:
            Stopped, RequestFailed, NoAccess: the server cannot be asked, or the run shall end.
        """
        ...

    def ids(self, links: LinkTexts, *, file: str, sheet: str | None, numbers: pa.Int64Array) -> LinkIds:
        """Return the ids of files that were asked for; the problems of those that have none."""
        ...

    def names(self, target: LinkTarget) -> Mapping[str, str]:
        """Return id -> what people call it, of the files that are known so far."""
        ...

    @property
    def has_sent(self) -> bool:
        """Whether anything was uploaded by now."""
        ...


@dataclass(frozen=True, slots=True)
class Ends:
    """The ids of every kind of link."""

    links: LinkFinder
    files: FileIds | None = None
    """None: no cell is a file."""

    def ids(self, links: LinkTexts, *, file: str, sheet: str | None, numbers: pa.Int64Array) -> LinkIds:
        """Return the ids of the texts; what cannot be linked is told as the mapping says."""
        finder = self.links if self.files is None or links.target.files is None else self.files
        return finder.ids(links, file=file, sheet=sheet, numbers=numbers)

    def names(self, target: LinkTarget) -> Mapping[str, str]:
        """Return id -> what people call it, of every target that is known so far."""
        finder = self.links if self.files is None or target.files is None else self.files
        return finder.names(target)

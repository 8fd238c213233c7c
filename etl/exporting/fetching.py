"""Files of exported records into a folder or a ZIP: each fetched once, under its name only when it is whole.

What lies there already with the same content is left alone, so that a second export, or one that goes on,
fetches only what is missing. A file that somebody else put there is never replaced unless it is forced.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from etl.api import Request, answers
from etl.errors import AnswerUnusable, Refused, ServerFailed, ungrouped
from etl.exporting.gallery import Names
from etl.model import Problem, Progress
from etl.report import FileCounts
from etl.runs import write_whole
from etl.tables.writing import completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from io import BufferedWriter
    from pathlib import Path

    import pyarrow as pa

    from etl.api import Answer, Client
    from etl.model import ProgressListener

MD5_LETTERS = 32


@dataclass(frozen=True, slots=True)
class Picked:
    """One file as the export wants it."""

    file_id: str
    name: str
    """Below the folder, with slashes."""
    md5: str
    """Hexadecimal; empty: the server did not tell. Source: observations, "Files"."""
    size_bytes: int | None
    """None: not told."""
    url: str
    record_id: str

    def is_at(self, path: Path) -> bool:
        """Tell whether a file has this content; False where nobody told which it is."""
        if not self.md5 or not path.is_file() or self.size_bytes not in (None, path.stat().st_size):
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest() == self.md5


def picked(tables: Iterable[pa.Table]) -> Iterator[Picked]:
    """Yield the files that a gallery named, each under a name of its own."""
    names = Names()
    for table in tables:
        for one in table.to_pylist():
            name = names.of(one["target"], one["id"])
            if name is not None:
                md5 = one["hash"].lower() if len(one["hash"]) == MD5_LETTERS else ""
                yield Picked(one["id"], name, md5, one["bytes"], one["url"], one["record"])


@dataclass(slots=True)
class Fetching:
    """Fetches files into one folder."""

    client: Client
    folder: Path
    known: Mapping[str, str]
    """Name -> what the file system said of the file when an export of ours put it there."""
    is_forced: bool = False
    problems: list[Problem] = field(default_factory=list)
    lain: dict[str, str] = field(default_factory=dict)
    """As `known`, of the files that lie there now."""
    fetched: int = 0
    reused: int = 0
    bytes: int = 0
    _first: dict[str, asyncio.Future[Path | str]] = field(default_factory=dict)
    """Id -> where its content lies, or why it cannot be had."""

    @property
    def counts(self) -> FileCounts:
        """What became of the files."""
        return FileCounts(
            downloaded=self.fetched, reused=self.reused, failed=len(self.problems), bytes=self.bytes
        )

    async def run(
        self,
        files: Iterable[Picked],
        *,
        total: int,
        listener: ProgressListener | None,
        is_stopping: Callable[[], bool],
    ) -> None:
        """Fetch all, some side by side.

        Raises:
            RequestFailed, NoAccess: the server is gone; what is there is whole.
        """
        slots = asyncio.Semaphore(self.client.limits.in_flight)
        done = 0

        async def one(file: Picked) -> None:
            nonlocal done
            try:
                await self._lay(file)
            finally:
                slots.release()
            done += 1
            if listener is not None:
                listener(Progress("export", done, total, len(self.problems)))

        with ungrouped():
            async with asyncio.TaskGroup() as tasks:
                for file in files:
                    await slots.acquire()
                    if is_stopping():
                        return
                    tasks.create_task(one(file))

    async def _lay(self, file: Picked) -> None:
        path = self.folder / file.name
        if not _is_below(path, self.folder):
            self._fails(file, f"{file.name} leads out of the folder")
            return
        if await asyncio.to_thread(file.is_at, path):
            self.reused += 1
        elif path.exists() and not self.is_forced and self.known.get(file.name) != stamp(path):
            self._fails(file, f"{path} is there already and holds something else")
            return
        elif not await self._bring(file, path):
            return
        self.lain[file.name] = stamp(path)

    async def _bring(self, file: Picked, path: Path) -> bool:
        """Get a content once, wherever it is wanted; True: it lies there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if (first := self._first.get(file.file_id)) is not None:
            found = await first
            if isinstance(found, str):
                self._fails(file, found)
                return False
            await asyncio.to_thread(_copy, found, path)
            return True
        mine = self._first[file.file_id] = asyncio.get_running_loop().create_future()
        reason = "the server is gone"
        try:
            with completed(path) as part:
                await self._download(file, part)
            mine.set_result(path)
        except (Refused, ServerFailed, AnswerUnusable) as error:
            reason = str(error)
        except OSError as error:
            reason = f"{path} cannot be written: {error.strerror or error}"
        finally:
            if not mine.done():
                mine.set_result(reason)
        if mine.result() != path:
            self._fails(file, reason)
            return False
        self.fetched += 1
        return True

    async def _download(self, file: Picked, part: Path) -> None:
        request = _request(file, self.client)

        def read(asked: Request, answer: Answer) -> None:
            answers.check_content(asked, answer)
            sink.finish()
            if file.size_bytes not in (None, sink.bytes) or (file.md5 and sink.md5.hexdigest() != file.md5):
                raise AnswerUnusable(str(asked), reason="with other bytes than its record says")

        with part.open("wb") as stream:
            sink = Part(stream)
            request = Request(request.method, request.path, request.query, is_at_root=True, sink=sink)
            await self.client.ask(request, read)
            self.bytes += sink.bytes

    def _fails(self, file: Picked, reason: str) -> None:
        facts = {"name": file.name, "id": file.file_id, "record": file.record_id, "reason": reason}
        self.problems.append(Problem("file_not_exported", str(self.folder), value=file.name, facts=facts))


class Part:
    """A file that grows while its content comes; each try begins anew."""

    def __init__(self, stream: BufferedWriter) -> None:
        self._stream = stream
        self.begin()

    def begin(self) -> None:
        """Forget what came so far."""
        self._stream.seek(0)
        self._stream.truncate()
        self.bytes = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def take(self, piece: bytes) -> None:
        """Add a piece."""
        self._stream.write(piece)
        self.md5.update(piece)
        self.bytes += len(piece)

    def finish(self) -> None:
        """Hand everything to the file system."""
        self._stream.flush()


def _request(file: Picked, client: Client) -> Request:
    """Return the request for a content. Source: api-contract §7.5; recorded answers (`downloadUrl`).

    Raises:
        Refused: it lies on another server, which the token must not be sent to.
    """
    url = file.url
    if not url:
        is_old = client.generation.name == "1.10"
        url = f"/?entryPoint=download&id={file.file_id}" if is_old else f"/downloads/{file.file_id}."
    address, own = urlsplit(url), urlsplit(client.url)
    if address.netloc and (address.scheme, address.netloc) != (own.scheme, own.netloc):
        raise Refused(f"GET {address.netloc}", reason="it lies on another server")
    path = address.path.removeprefix(own.path) if address.netloc else address.path
    return Request("GET", quote(path.lstrip("/"), safe="/%"), quote(address.query, safe="=&%"))


def _is_below(path: Path, folder: Path) -> bool:
    home = os.path.realpath(folder)
    return os.path.commonpath([home, os.path.realpath(path)]) == home


def stamp(path: Path) -> str:
    """Return what the file system says of a file."""
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _copy(source: Path, path: Path) -> None:
    with completed(path) as part:
        shutil.copyfile(source, part)


class Shelf:
    """Which files earlier exports of this state folder laid into a folder."""

    def __init__(self, state: Path, folder: Path) -> None:
        named = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        self._path = state / "files" / f"{named}.json"

    def read(self) -> dict[str, str]:
        """Return name -> stamp; empty where nothing is known."""
        try:
            said = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def write(self, lain: Mapping[str, str]) -> None:
        """Remember files, besides those known already."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, json.dumps({**self.read(), **lain}, sort_keys=True) + "\n")


def zipped(folder: Path, names: Iterable[str], target: Path) -> None:
    """Write files of a folder as a ZIP; it appears when it is whole."""
    with completed(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name in names:
            made.write(folder / name, name)

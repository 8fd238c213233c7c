"""Where files go: folders by their path, made where they are missing, and file types by their name."""

from __future__ import annotations

import asyncio
import unicodedata
from functools import partial
from typing import TYPE_CHECKING

from etl.api.retry import repeated
from etl.errors import AnswerUnusable, Refused, RequestFailed
from etl.files.wanted import Flaw
from etl.resolving.keys import PART_SEPARATOR, own_id

if TYPE_CHECKING:
    from etl.api import Client
    from etl.api.wire import Record
    from etl.files.wanted import Wanted

FOLDER, FILE_TYPE = "Folder", "FileType"
PARENTS = "parentsIds"


class Places:
    """Folders and file types of one server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._folders: dict[str, str] | None = None
        """Path, its steps joined by U+001F -> id; None: not asked yet."""
        self._refused: dict[str, Flaw] = {}
        self._types: dict[str, str] = {}
        self._busy = asyncio.Lock()

    async def facts(self, wanted: Wanted, *, name: str) -> dict[str, object] | Flaw:
        """Return what the record of a file gets besides its content, payload key -> value.

        Args:
            name: where the wanted file has none.

        Raises:
            RequestFailed, NoAccess: the server cannot be asked.
        """
        facts: dict[str, object] = {"name": wanted.name or name}
        for key, text, ask in (
            ("folderId", wanted.folder, self.folder),
            ("typeId", wanted.type_, self.file_type),
        ):
            found = await ask(text) if text else ""
            if isinstance(found, Flaw):
                return found
            facts |= {key: found} if found else {}
        facts |= {"tags": list(wanted.tags)} if wanted.tags else {}
        return facts | ({"description": wanted.description} if wanted.description else {})

    async def folder(self, path: str) -> str | Flaw:
        """Return the id of a folder, making it and those above it where they are missing.

        Raises:
            RequestFailed, NoAccess: the server cannot be asked.
        """
        steps = steps_of(path)
        async with self._busy:
            if self._folders is None:
                self._folders = await self._read_folders()
            above = ""
            for end in range(1, len(steps) + 1):
                text = PART_SEPARATOR.join(steps[:end])
                if text in self._refused:
                    return self._refused[text]
                if text not in self._folders:
                    made = await self._made(text, steps[end - 1], above)
                    if isinstance(made, Flaw):
                        self._refused[text] = made
                        return made
                    self._folders[text] = made
                above = self._folders[text]
            return above

    async def file_type(self, text: str) -> str | Flaw:
        """Return the id of a file type, given by name or id.

        Raises:
            RequestFailed, NoAccess: the server cannot be asked.
        """
        async with self._busy:
            if text not in self._types:
                for field in ("name", "id"):
                    found = await self._client.look_up(FILE_TYPE, field, [text], select=("id", "name"))
                    ids = sorted(str(one["id"]) for one in found if one.get(field) == text)
                    if ids:
                        self._types[text] = ids[0]
                        break
                else:
                    return Flaw("file_type_unknown", {"value": text})
            return self._types[text]

    async def _read_folders(self) -> dict[str, str]:
        records: dict[str, Record] = {}
        async for page in self._client.pages(FOLDER, select=("id", "name", PARENTS)):
            records |= {str(record["id"]): record for record in page.records}
        paths: dict[str, str] = {}
        for record_id in sorted(records):
            text = _path_of(record_id, records)
            # Of several folders of one path the one that we made, else the first, so that all runs agree.
            if text and (text not in paths or record_id == own_folder_id(text)):
                paths[text] = record_id
        return paths

    async def _made(self, text: str, name: str, above: str) -> str | Flaw:
        record_id = own_folder_id(text)
        # Not `parentsIds`: 1.10 does not look at it when a record is made. Source: recorded answers.
        payload = {"id": record_id, "name": name, **({"parentId": above} if above else {})}
        try:
            await repeated(
                partial(self._client.create, FOLDER, payload), self._client.retry, on_repeat=lambda: None
            )
        except (Refused, AnswerUnusable) as refusal:
            # Another run made it a moment ago, or the answer to our first try was lost.
            if not await self._client.look_up(FOLDER, "id", [record_id], select=("id",)):
                return _refused(name, refusal)
        return record_id


def steps_of(path: str) -> list[str]:
    """Return the names of the folders of a path; empty ones and spaces around them do not count."""
    steps = [step.strip() for step in unicodedata.normalize("NFC", path).replace("\\", "/").split("/")]
    return [step for step in steps if step]


def own_folder_id(text: str) -> str:
    """Return the id under which a folder is made; the same that a link by path would make it under."""
    return own_id(FOLDER, ("name", "path"), key=text)


def _refused(name: str, refusal: RequestFailed) -> Flaw:
    return Flaw("folder_refused", {"folder": name, "text": str(refusal)})


def _path_of(record_id: str, records: dict[str, Record]) -> str:
    steps: list[str] = []
    seen: set[str] = set()
    at: str | None = record_id
    while at is not None and at in records and at not in seen:
        seen.add(at)
        steps.append(unicodedata.normalize("NFC", str(records[at].get("name") or "")))
        parents = records[at].get(PARENTS)
        at = str(parents[0]) if isinstance(parents, list) and parents else None
    return PART_SEPARATOR.join(reversed(steps)) if all(steps) else ""

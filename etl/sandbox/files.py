"""Files: content, addresses, pieces, replacing, downloading.

Source: AtroCore REST API, "File Upload"; observed on 1.10 and 2.1.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from etl.sandbox import contents, file_records, reading, records, relations
from etl.sandbox.calls import Answer
from etl.sandbox.refusals import BadRequest, Crash, NotFound, NotModified, Refusal

if TYPE_CHECKING:
    from etl.sandbox.contents import Content
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue

ICON_PIXELS = 64
_DOCUMENTS = {"txt", "pdf", "doc", "docx", "odt", "rtf"}


def create(session: Session, body: JsonValue) -> JsonObject:
    """Store a file from content, from an address, or from the last of its pieces.

    Raises:
        BadRequest: no content, no name, or no id with a piece.
        NotFound: the folder does not exist.
        Refusal: 500 where the address cannot be fetched.
    """
    if not isinstance(body, dict):
        raise Crash
    if body.get("reupload"):
        return reupload(session, body)
    if "piece" in body and not session.generation.renamed_routes:
        return create_piece(session, body)
    name = body.get("name")
    if isinstance(body.get("url"), str):
        url = str(body["url"])
        last = contents.check_url(url)
        if not name and "." not in last:
            raise BadRequest("the name has no ending")
        data = session.fetched if session.fetched is not None else contents.download(url, url_headers(body))
        return _store(session, {**body, "name": name or last, "remoteUrl": url}, data)
    _check_name(name)
    return _store(session, body, _sent(session, body))


def url_headers(body: JsonObject) -> dict[str, str]:
    """Return the headers that an upload by address asks to be sent."""
    given = body.get("urlHeaders")
    return {key: str(value) for key, value in given.items()} if isinstance(given, dict) else {}


def _check_name(name: JsonValue) -> None:
    if not name:
        raise BadRequest("name is required")


def _sent(session: Session, body: JsonObject) -> bytes:
    """Return the content of a body.

    Raises:
        BadRequest: there is none, or, in 1.10, it is not marked as base64 or empty.
    """
    text = body.get("fileContents")
    if not isinstance(text, str):
        raise BadRequest("a file needs content")
    data = contents.decode_exact(text)
    if session.generation.bare_content == "refuse" and not data:
        raise BadRequest("a file needs content")
    return data or b""


def _store(session: Session, body: JsonObject, data: bytes) -> JsonObject:
    folder = body.get("folderId")
    if folder and not relations.exists(session, "Folder", str(folder)):
        raise NotFound(f"the folder {folder!r} does not exist")
    content = contents.read_content(data)
    values = {
        key: value
        for key, value in body.items()
        if key not in {"fileContents", "piece", "start", "storageId"}
    }
    state = records.create(
        session, "File", values, server=_server_values(session, str(body.get("name")), content)
    )
    file_id = records.record_key(state)
    session.run("INSERT OR REPLACE INTO _content VALUES (?, ?)", (file_id, data))
    file_records.add_computed(session, [state])
    state["extensionCorrected"] = False
    if body.get("remoteUrl"):
        state["remoteUrl"] = body["remoteUrl"]
    duplicate = _duplicate(session, file_id, content.md5)
    if duplicate is not None:
        state["duplicate"] = duplicate
    if body.get("share") in {True, "1", "true"}:
        shared = records.create(session, "Sharing", {"fileId": file_id, "name": state.get("name")})
        state["sharedUrl"] = shared["link"]
    return state


def _server_values(session: Session, name: str, content: Content) -> JsonObject:
    """Return what the server itself says of a file."""
    path = _made_path()
    values: JsonObject = {
        "mimeType": content.mime,
        "fileSize": len(content.bytes_),
        "fileMtime": session.instance.moment().text,
        "hash": content.md5,
        "path": path,
        "thumbnailsPath": path,
        "storageId": "a_base",
    }
    if content.width is not None and content.height is not None and session.generation.files_measured:
        values |= {"width": content.width, "height": content.height, "colorSpace": "sRGB"}
        values |= {"widthUnitId": "pixel", "heightUnitId": "pixel", "sizeUnitId": "pixel"}
    if session.generation.types_files:
        values |= _type_of(name, content)
    return values


def _type_of(name: str, content: Content) -> JsonObject:
    """Return the file type that is given by itself: small pictures are icons."""
    ending = file_records.extension(name)
    if content.width is not None and content.height is not None:
        return {"typeId": "a_favicon" if max(content.width, content.height) <= ICON_PIXELS else "a_image"}
    return {"typeId": "a_document"} if ending in _DOCUMENTS else {}


def _made_path() -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "/".join("".join(random.choices(letters, k=5)) for _ in range(6))  # noqa: S311  # no secret


def _duplicate(session: Session, file_id: str, md5: str) -> JsonObject | None:
    sql = 'SELECT id FROM "File" WHERE deleted = 0 AND hash = ? AND id <> ? ORDER BY _place LIMIT 1'
    row = session.row(sql, (md5, file_id))
    return reading.read_one(session, "File", str(row[0])) if row else None


def create_piece(session: Session, body: JsonValue) -> JsonObject:
    """Store one piece; with the last one the file. Nothing checks that the pieces fit.

    Raises:
        BadRequest: no id, or no name.

    Source: AtroCore REST API, "Upload by Chunks"; observed on 1.10 and 2.1.
    """
    if not isinstance(body, dict):
        raise Crash
    file_id, name, file_hash = body.get("id"), body.get("name"), str(body.get("fileUniqueHash") or "")
    if not file_id:
        raise BadRequest("a file in pieces needs an id")
    _check_name(name)
    data = contents.decode_exact(str(body.get("piece"))) or b""
    start = str(body.get("start", 0))
    session.run("INSERT OR REPLACE INTO _piece VALUES (?, ?, ?, ?)", (file_hash, start, data, None))
    starts = _starts(session, file_hash, str(file_id))
    listed: list[JsonValue] = [*starts, *(_other_uploads(session) if not file_hash else [])]
    if relations.exists(session, "File", str(file_id)):
        return {"created": True, "chunks": listed}
    # A number in quotes never equals the count, so such an upload never ends.
    if type(body.get("piecesCount")) is not int or body["piecesCount"] != len(listed):
        return {"chunks": listed}
    rows = {
        str(row[0]): row[1]
        for row in session.rows("SELECT start, content FROM _piece WHERE file_hash = ?", (file_hash,))
    }
    whole = b"".join(piece for one in starts if isinstance(piece := rows[one], bytes))
    state = _store(session, body, whole)
    session.run("UPDATE _piece SET file_id = ? WHERE file_hash = ?", (str(file_id), file_hash))
    state["chunks"] = listed
    return state


def _starts(session: Session, file_hash: str, file_id: str) -> list[str]:
    """Return where the pieces that lie on the server start, sorted by number."""
    sql = "SELECT start FROM _piece WHERE file_hash = ?"
    values = [file_hash]
    if not session.generation.pieces_kept:
        sql += " AND (file_id IS NULL OR file_id = ?)"
        values.append(file_id)
    starts = [str(row[0]) for row in session.rows(sql, tuple(values))]
    return sorted(starts, key=lambda one: (int(one) if one.isdigit() else 0, one))


def _other_uploads(session: Session) -> list[str]:
    """Return the hashes of all uploads: an upload without one lands beside their folders."""
    return sorted(
        str(row[0]) for row in session.rows("SELECT DISTINCT file_hash FROM _piece WHERE file_hash <> ''")
    )


def reupload(session: Session, body: JsonValue) -> JsonObject:
    """Replace a file's content; the id stays.

    Raises:
        BadRequest: no content.
        NotFound: no such file.
        NotModified: in 1.10, where nothing but the content changes.
    """
    if not isinstance(body, dict):
        raise Crash
    file_id = str(body.get("reupload") or "")
    if not relations.exists(session, "File", file_id):
        raise NotFound
    if "piece" in body:
        raise Refusal(400, "a piece needs its own upload")
    if "fileContents" not in body and "url" not in body:
        raise BadRequest("the body does not match its schema: no content")
    data = contents.download(str(body["url"]), url_headers(body)) if "url" in body else _sent(session, body)
    given = {
        key: value
        for key, value in body.items()
        if key not in {"reupload", "fileContents", "url", "id", "folderId"}
    }
    before = reading.read_one(session, "File", file_id)
    unchanged = all(before.get(key) == value for key, value in given.items() if key in before)
    if session.generation.reupload_checks_change and unchanged and not given.get("_skipIsEntityUpdated"):
        raise NotModified
    content = contents.read_content(data)
    record = records.update(
        session,
        "File",
        file_id,
        {**given, "_skipIsEntityUpdated": True},
        server=_server_values(session, str(given.get("name", before.get("name"))), content),
    )
    session.run("INSERT OR REPLACE INTO _content VALUES (?, ?)", (file_id, data))
    return record


def update(session: Session, record_id: str, body: JsonValue) -> JsonObject:
    """Change what is known of a file.

    Raises:
        BadRequest: another ending in the name, or another storage.
    """
    if isinstance(body, dict):
        row = session.row('SELECT name FROM "File" WHERE id = ? AND deleted = 0', (record_id,))
        renamed = body.get("name")
        if (
            row
            and isinstance(renamed, str)
            and file_records.extension(row[0]) != file_records.extension(renamed)
        ):
            raise BadRequest("the ending of a file's name stays")
        if body.get("storageId") not in {None, "a_base"}:
            raise BadRequest("the storage of a file stays")
    return records.update(session, "File", record_id, body)


def proxied(session: Session, body: JsonValue) -> Answer:
    """Fetch an address for the browser."""
    url = str(body.get("url")) if isinstance(body, dict) else ""
    data = session.fetched if session.fetched is not None else contents.download(url, {})
    return Answer(200, data, "application/octet-stream")


def downloaded(session: Session, file_id: str) -> Answer:
    """Return a file's content.

    Raises:
        NotFound: no such file.
    """
    sql = (
        'SELECT c.content FROM _content c JOIN "File" f ON f.id = c.file_id AND f.deleted = 0 '
        "WHERE c.file_id = ?"
    )
    row = session.row(sql, (file_id,))
    if row is None:
        raise NotFound
    data = row[0]
    return Answer(
        200, data if isinstance(data, bytes) else b"", "application/octet-stream", {"X-File-Id": file_id}
    )


def shared(session: Session, sharing_id: str) -> Answer:
    """Return the content of a shared file and count it.

    Raises:
        NotFound: no such sharing, or an inactive one.
        Refusal: 403, it is over or used up.
    """
    if not relations.exists(session, "Sharing", sharing_id):
        raise NotFound
    sharing = reading.read_one(session, "Sharing", sharing_id)
    if not sharing.get("active"):
        raise NotFound
    used, allowed, until = sharing.get("used") or 0, sharing.get("allowedUsage"), sharing.get("validTill")
    spent = isinstance(allowed, int) and isinstance(used, int) and used >= allowed
    if spent or (isinstance(until, str) and until < session.instance.moment().text):
        raise Refusal(403)
    session.run('UPDATE "Sharing" SET used = coalesce(used, 0) + 1 WHERE id = ?', (sharing_id,))
    return downloaded(session, str(sharing.get("fileId")))

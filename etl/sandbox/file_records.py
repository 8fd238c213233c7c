"""What a file's record shows beyond what is stored: addresses, the extension, units of its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue

_OPENED = {"png", "jpg", "jpeg", "gif", "webp", "svg", "bmp", "pdf"}
_THUMBNAILS = ("small", "medium", "large", "small-logo")
_UNIT_NAMES = ("Pixel", "Inch", "Centimeter", "Millimeter", "Point", "Parsec", "Em", "Percentage")


def extension(name: object) -> str:
    """Return what stands behind the last dot of a file's name, lower case; "" where there is none."""
    text = str(name)
    return text.rpartition(".")[2].lower() if "." in text else ""


def paths_data(
    session: Session, file_id: str, name: JsonValue, *, thumbnails_path: JsonValue = None
) -> JsonObject:
    """Return the addresses of a linked file."""
    drawn = extension(name) in _OPENED
    thumbnails: JsonObject = {}
    for size in _sizes(session):
        thumbnails[size] = (
            _thumbnail(session, size, file_id, name, thumbnails_path).lstrip("/") if drawn else None
        )
    download = download_path(session, file_id, name)
    if session.generation.addresses == "path":
        # The ending is missing here (observed on 2.1).
        download = download.rpartition(".")[0] + "."
    return {"download": download, "thumbnails": thumbnails}


def _sizes(session: Session) -> tuple[str, ...]:
    return _THUMBNAILS if session.generation.addresses == "path" else _THUMBNAILS[:3]


def download_path(session: Session, file_id: str, name: JsonValue) -> str:
    """Return the path that a file is downloaded from."""
    ending = extension(name)
    picture = ending in _OPENED and ending != "pdf"
    if session.generation.addresses == "entry":
        return f"/?entryPoint={'image' if picture else 'download'}&id={file_id}"
    return f"/{'images' if picture else 'downloads'}/{file_id}.{ending}"


def _thumbnail(session: Session, size: str, file_id: str, name: JsonValue, path: JsonValue) -> str:
    if session.generation.addresses == "entry":
        return f"/upload/thumbnails/{path}/{size}/{name}"
    ending = extension(name)
    return f"/thumbnail/{size}/{file_id}.{'png' if ending == 'pdf' else ending}"


def add_computed(session: Session, records: list[JsonObject]) -> None:
    """Put the computed values into records of File."""
    entry = session.generation.addresses == "entry"
    for record in records:
        file_id, name = str(record["id"]), record.get("name")
        ending = extension(name)
        record["hasOpen"] = ending in _OPENED
        if ending or entry:
            record["extension"] = ending or str(name)
        record["downloadUrl"] = download_path(session, file_id, name)
        record["folderPath"] = []
        if ending in _OPENED:
            for size in _sizes(session):
                key = {"small-logo": "smallLogoThumbnailUrl"}.get(size, f"{size}ThumbnailUrl")
                record[key] = _thumbnail(session, size, file_id, name, record.get("thumbnailsPath"))
        if record.get("width") is not None:
            _add_size(record)


def _add_size(record: JsonObject) -> None:
    width, height = record.get("width"), record.get("height")
    record["size"] = f"{width}x{height}"
    record["widthUnit"] = record["heightUnit"] = _UNIT_NAMES[0]
    record["widthAllUnits"] = dict.fromkeys(_UNIT_NAMES, width)
    record["heightAllUnits"] = dict.fromkeys(_UNIT_NAMES, height)
    record["sizeUnitData"] = None
    record["sizeUnitId"] = record.get("widthUnitId")


def add_sharing(session: Session, records: list[JsonObject]) -> None:
    """Put the addresses into records of Sharing."""
    for record in records:
        row = session.row('SELECT name FROM "File" WHERE id = ?', (str(record.get("fileId")),))
        ending = extension(row[0]) if row is not None else ""
        record["link"] = f"{session.site}/sharings/{record['id']}.{ending}"
        record["viewLink"] = f"{record['link']}?view=1"
        allowed, used = record.get("allowedUsage"), record.get("used")
        spent = isinstance(allowed, int) and isinstance(used, int) and used >= allowed
        record["available"] = bool(record.get("active")) and not spent

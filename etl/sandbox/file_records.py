"""What a file's record shows beyond what is stored: addresses, the extension, units of its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject, JsonValue

_OPENED = {"png", "jpg", "jpeg", "gif", "webp", "svg", "bmp", "pdf"}
_THUMBNAILS = ("small", "medium", "large", "small-logo")
_UNIT_NAMES = ("Pixel", "Inch", "Centimeter", "Millimeter", "Point", "Parsec", "Em", "Percentage")


def extension(name: JsonValue) -> str:
    """Return what stands behind the last dot of a file's name, lower case; "" where there is none."""
    text = str(name)
    return text.rpartition(".")[2].lower() if "." in text else ""


def paths_data(session: Session, file_id: str, name: JsonValue) -> JsonObject:
    """Return the addresses of a linked file."""
    ending = extension(name)
    drawn = ending in _OPENED
    thumbnails: JsonObject = {
        size: f"/thumbnail/{size}/{file_id}.{'png' if ending == 'pdf' else ending}" if drawn else None
        for size in _THUMBNAILS[:3]
    }
    return {"download": download_path(file_id, ending), "thumbnails": thumbnails}


def download_path(file_id: str, ending: str) -> str:
    """Return the path that a file is downloaded from."""
    return f"/{'images' if ending in _OPENED and ending != 'pdf' else 'downloads'}/{file_id}.{ending}"


def add_computed(session: Session, records: list[JsonObject]) -> None:
    """Put the computed values into records of File."""
    for record in records:
        file_id, ending = str(record["id"]), extension(record.get("name"))
        record["hasOpen"] = ending in _OPENED
        if ending:
            record["extension"] = ending
        record["downloadUrl"] = download_path(file_id, ending)
        record["folderPath"] = []
        if ending in _OPENED:
            for size in _THUMBNAILS:
                key = {"small-logo": "smallLogoThumbnailUrl"}.get(size, f"{size}ThumbnailUrl")
                record[key] = f"/thumbnail/{size}/{file_id}.{ending}"
        if record.get("width") is not None:
            _add_size(record)


def _add_size(record: JsonObject) -> None:
    width, height = record.get("width"), record.get("height")
    record["size"] = f"{width}x{height}"
    record["widthUnit"] = record["heightUnit"] = _UNIT_NAMES[0]
    record["widthAllUnits"] = {unit: width for unit in _UNIT_NAMES}
    record["heightAllUnits"] = {unit: height for unit in _UNIT_NAMES}
    record["sizeUnitData"] = None


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

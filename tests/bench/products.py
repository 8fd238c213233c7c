"""The table that imports are measured with: twenty product-like columns, as in a feed of a supplier."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OWN_FIELDS = {
    **{name: {"type": "varchar"} for name in ("colour", "material", "packaging")},
    **{name: {"type": "float"} for name in ("width", "height", "depth", "weight")},
}
"""Fields that the instance has of its own, beside those of a fresh one."""
TEXTS = ("name", "description", "ean", "mpn", "customsNumber", "note", "colour", "material", "packaging")
NUMBERS = ("price", "rrp", "quantity", "width", "height", "depth", "weight")
HEADER = ("number", *TEXTS, *NUMBERS, "sortOrder", "productStatus", "active")
MAPPING = (
    "entity: Product\nkey: number\nsource:\n  number: {decimal: ','}\nfields:\n  number: number\n"
    + "".join(f"  {name}: {name}\n" for name in (*TEXTS, *NUMBERS, "sortOrder", "productStatus"))
    + "  isActive: {column: active, values: {ja: true, nein: false}}\n"
)
WORDS = ("Bohrer", "Schraube", "Dübel", "Leiter", "Zange", "Hobel", "Feile", "Säge")
COLOURS = ("rot", "blau", "anthrazit", "verzinkt", "natur")


def write_rows(path: Path, rows: int) -> Path:
    """Write a table of invented products: 20 columns, some 290 bytes a row; some cells are empty."""
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(HEADER) + "\n")
        for row in range(rows):
            word = WORDS[row % len(WORDS)]
            cells = (
                f"{row:08d}",
                f"{word} {row}",
                f"{word} aus gutem Stahl, für Haus und Garten, mit langer Lebensdauer und Garantie",
                f"{4_000_000_000_000 + row}",
                f"M-{row % 9973}" if row % 9 else "",
                f"8205{row % 9000:04d}",
                "" if row % 3 else f"Restposten aus Lager {row % 40}",
                COLOURS[row % len(COLOURS)],
                "Stahl, gehärtet",
                f"Karton {row % 12}",
                f"{row % 900},{row % 100:02d}",
                f"{row % 990},95",
                f"{row % 77}",
                *(f"{row % (150 + 7 * size)},{size}" for size in range(1, 4)),
                f"{row % 40},{row % 1000:03d}",
                f"{row % 1000}",
                "ready" if row % 5 else "draft",
                "ja" if row % 3 else "nein",
            )
            file.write(";".join(cells) + "\n")
    return path

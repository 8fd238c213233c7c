"""Texts from data, made harmless for a terminal: nothing in them moves the cursor, colours or hides."""

from __future__ import annotations

import unicodedata

LONGEST = 300
"""Characters of a text from data that a person is shown."""


def neutral(text: str, *, keep: str = "") -> str:
    r"""Return the text with control and direction characters written out, for example `\x1b` for escape.

    Args:
        keep: control characters that stay as they are, for example line breaks in a text of ours.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or _is_harmless(c) else _written(c) for c in text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return the text, its end replaced by `…` where it is longer than `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _is_harmless(character: str) -> bool:
    # Cc controls, Cf formats (direction overrides, zero width), Cs lone surrogates, Zl and Zp line ends.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _written(character: str) -> str:
    code = ord(character)
    if named := {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character):
        return named
    return f"\\x{code:02x}" if code < 1 << 8 else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"

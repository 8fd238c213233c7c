"""Markdown to HTML or plain text: headings, lists, emphasis, code, links; HTML in it is text, never a tag."""

from __future__ import annotations

import html
import re

from etl.mapping.convert.markup import plain

ITEM = re.compile(r"(?P<mark>[-*+]|\d+[.)])\s+(?P<text>.*)")
HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
LINK = re.compile(r"\[([^\]]+)\]\(([^()\s]+)\)")
SAFE = re.compile(r"(https?://|mailto:|/|#|[\w.-]+(/|$))")
"""Where links may lead; a link elsewhere is left as its text."""


def markdown_to_html(text: str) -> str:
    """Return Markdown as HTML."""
    made: list[str] = []
    items: list[str] = []
    kind = ""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        for part in _parts(block.split("\n")):
            found = ITEM.fullmatch(part.strip())
            if found is None:
                made += _closed(items, kind)
                items = []
                made.append(_block(part))
                continue
            own = "ul" if found["mark"] in "-*+" else "ol"
            if items and own != kind:
                made += _closed(items, kind)
                items = []
            kind = own
            items.append(_spans(found["text"]))
    return "".join([*made, *_closed(items, kind)])


def markdown_to_text(text: str) -> str:
    """Return Markdown without its marks."""
    return plain(markdown_to_html(text))


def _parts(lines: list[str]) -> list[str]:
    """Join the lines of a paragraph; items and headings stand alone."""
    parts: list[str] = []
    is_open = False
    for line in lines:
        alone = bool(ITEM.fullmatch(line.strip()) or HEADING.fullmatch(line.strip()))
        if is_open and not alone:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
        is_open = not alone
    return [part for part in parts if part.strip()]


def _block(text: str) -> str:
    heading = HEADING.fullmatch(text.strip())
    if heading is not None:
        level = len(heading[1])
        return f"<h{level}>{_spans(heading[2])}</h{level}>"
    return f"<p>{_spans(text.strip())}</p>"


def _closed(items: list[str], kind: str) -> list[str]:
    if not items:
        return []
    inner = "".join(f"<li>{item}</li>" for item in items)
    return [f"<{kind}>{inner}</{kind}>"]


def _spans(text: str) -> str:
    # Code first: nothing inside it means anything.
    pieces = re.split(r"`([^`]+)`", text)
    return "".join(
        f"<code>{html.escape(piece, quote=False)}</code>" if at % 2 else _marked(piece)
        for at, piece in enumerate(pieces)
    )


def _marked(text: str) -> str:
    text = html.escape(text)
    text = LINK.sub(lambda found: _link(found[1], found[2]), text)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"<strong>\2</strong>", text)
    text = re.sub(r"(?<![\w*])\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])", r"<em>\1</em>", text)
    return text.replace("\n", "<br>")


def _link(text: str, address: str) -> str:
    return f'<a href="{address}">{text}</a>' if SAFE.match(address) else text

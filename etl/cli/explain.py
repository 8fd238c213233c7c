"""`atro-etl explain`: what a code means and what to do."""

from __future__ import annotations

import re

import click

from etl.cli.console import Console, Form
from etl.cli.exits import Exit
from etl.cli.options import output, pass_console


@click.command("explain")
@click.argument("code", required=False)
@output
@pass_console
def command(console: Console, *, code: str | None) -> int:
    """What a message with this CODE means and what to do; without a code all there are."""
    from etl.mapping import FINDINGS  # noqa: PLC0415  `--help` needs none of it
    from etl.mapping.findings import did_you_mean  # noqa: PLC0415
    from etl.problems import AFTER_SENDING, CATALOGUE  # noqa: PLC0415

    known = {**FINDINGS, **CATALOGUE}
    if code is None:
        width = max(map(len, known))
        lines = [f"{name:<{width}}  {_words(kind.sentence)}" for name, kind in sorted(known.items())]
        console.say_json(
            {"schema": 1, "codes": [*sorted(known)]}
        ) if console.form is Form.JSON else console.say("\n".join(lines))
        return Exit.DONE
    if code not in known:
        hint = did_you_mean(code, known) or " Without a code `atro-etl explain` lists them all."
        raise click.UsageError(f'there is no code "{code}".{hint}')
    kind = known[code]
    about = "the mapping" if code in FINDINGS else "a row of the source"
    effect = {
        ("the mapping", "error"): "Nothing is sent until it is mended.",
        ("the mapping", "warning"): "The mapping works; look at it once.",
        ("a row of the source", "error"): (
            "The row was on its way and does not count as stored; the others are not held up."
            if code in AFTER_SENDING
            else "The row is not sent; the others are."
        ),
        ("a row of the source", "warning"): "The row is sent; look at it.",
    }[about, str(kind.severity)]
    if console.form is Form.JSON:
        console.say_json({"schema": 1, "code": code, "severity": str(kind.severity), "about": about,
                          "sentence": _words(kind.sentence), "advice": _words(kind.advice)})  # fmt: skip
    else:
        lines = [f"{code}: {kind.severity} about {about}", _words(kind.sentence), _words(kind.advice), effect]
        console.say("\n  ".join(lines))
    return Exit.DONE


WHOLE = {
    "choices": "The message lists what may stand there, the nearest last.",
    "advice": "The message says what to write.",
    "proposal": "The message proposes a rule.",
    "reason": "The message says why.",
}
"""What stands for a text that is all of a sentence or advice."""
APPENDED = re.compile(r"\{(close|hint)\}")
"""What is only sometimes there: `, nearest is "ACME Inc."`."""


def _words(text: str) -> str:
    """Return a text of the catalogue with its places named in capitals: `"{value}" is…` -> `"VALUE" is…`."""
    if (whole := re.fullmatch(r"\{([a-z_]+)\}", text)) and whole[1] in WHOLE:
        return WHOLE[whole[1]]
    text = APPENDED.sub("", text)
    named = re.sub(r"(?<!\{)\{([a-z_]+)\}(?!\})", lambda found: found[1].upper(), text)
    return named.replace("{{", "{").replace("}}", "}")

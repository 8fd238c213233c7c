"""Laws about code: what is caught, what is left open, what is ambient, how functions are called."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import in_room, modules, said, syntax_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Built from pieces, so that this file does not trip over itself.
UNFINISHED = re.compile(
    r"\b("
    + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NotImplemented" + "Error"])
    + r")\b"
)
BARE_SILENCE = re.compile(r"#\s*(?:no" + r"qa|type:\s*ig" + r"nore)(?!\s*[:\[]\s*[A-Za-z])")
WIDE = {"Exception", "BaseException"}


def caught(handler: ast.ExceptHandler) -> list[str]:
    """Return the names that a handler catches; a bare one catches everything."""
    if handler.type is None:
        return ["BaseException"]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [kind.id for kind in kinds if isinstance(kind, ast.Name)]


def offered() -> Iterator[tuple[Path, Function, int]]:
    """Yield what a room offers to others: functions and methods, each with how many parameters its kind adds.

    A room that is a module offers its public names, a folder what its `__init__` lists in `__all__`.
    """
    for path in modules():
        if len(path.parts) > 2:
            front = path.parents[len(path.parts) - 3] / "__init__.py"
            names = listed(syntax_of(front)) if front in modules() else set()
        else:
            names = {node.name for node in syntax_of(path).body if isinstance(node, Function | ast.ClassDef)}
        for node in syntax_of(path).body:
            if not isinstance(node, Function | ast.ClassDef) or node.name not in names or node.name[0] == "_":
                continue
            if isinstance(node, Function):
                yield path, node, 0
                continue
            for member in node.body:
                if isinstance(member, Function) and (member.name == "__init__" or member.name[0] != "_"):
                    is_static = any(ast.unparse(name) == "staticmethod" for name in member.decorator_list)
                    yield path, member, 0 if is_static else 1


def listed(tree: ast.Module) -> set[str]:
    """Return the names in the `__all__` of a module."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_only_the_console_catches_everything():
    places = [
        f"{path}:{node.lineno}: except {' | '.join(caught(node))}"
        for path in modules()
        if not in_room(path, "etl.cli.console")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.ExceptHandler) and WIDE & set(caught(node))
    ]
    assert not places, said("No `except Exception` outside cli/console.py (style, 5):", places)


def test_nothing_is_left_unfinished():
    places = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        if path.suffix in {".py", ".toml", ".yaml", ".md", ""} and path.name != "LICENSE"
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not places, said("No unfinished places; what is missing has an issue:", places)


def test_no_function_is_a_stub():
    places = []
    for path in modules():
        tree = syntax_of(path)
        # A method may have nothing to do where others of its kind do; a function may not.
        methods = {
            member for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for member in node.body
        }
        for node in ast.walk(tree):
            if not isinstance(node, Function) or node in methods or in_room(path, "etl.cli"):
                continue
            is_empty = all(
                isinstance(line, ast.Pass)
                or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
                for line in node.body
            )
            if is_empty and "overload" not in {ast.unparse(name) for name in node.decorator_list}:
                places.append(f"{path}:{node.lineno}: {node.name}")
    assert not places, said("A function without a body promises what it does not do:", places)


def test_silenced_warnings_carry_their_code():
    places = [
        f"{path}:{number}: {line.strip()[:80]}"
        for folder in ("etl", "tests")
        for path in modules(folder=folder)
        for number, line in enumerate((dict(texts())[path]).splitlines(), 1)
        if BARE_SILENCE.search(line)
    ]
    assert not places, said("A silenced warning names its code and its reason:", places)


def test_any_stands_only_where_foreign_json_comes_in():
    places = [
        f"{path}:{node.lineno}"
        for path in modules()
        if not in_room(path, "etl.api.wire", "etl.sandbox")
        for node in ast.walk(syntax_of(path))
        if (isinstance(node, ast.Name) and node.id == "Any")
        or (isinstance(node, ast.Attribute) and node.attr == "Any")
    ]
    assert not places, said("No `Any` outside api/wire.py (style, 3):", places)


# Read as one phrase, in an order that nobody has to look up.
READ_AS_A_PHRASE = {
    "import_table": "source, mapping, instance: as house.md promises it",
    "plan": "the same",
    "look_up": "entity, field, values: as the request says it",
    "slice_of": "start, stop: as in range()",
}


def test_everything_after_the_second_parameter_is_named():
    places = []
    for path, function, extra in offered():
        if function.name in READ_AS_A_PHRASE:
            continue
        positional = [*function.args.posonlyargs, *function.args.args][extra:]
        if len(positional) > 2:
            names = ", ".join(parameter.arg for parameter in positional[2:])
            places.append(f"{path}:{function.lineno}: {function.name}(…, {names})")
    assert not places, said("What a room offers takes two positional parameters at most (style, 10):", places)


def test_the_environment_is_read_only_by_the_settings():
    places = [
        f"{path}:{node.lineno}: os.{node.attr}"
        for path in modules()
        if not in_room(path, "etl.cli.settings")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv", "environb", "putenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ] + [
        f"{path}:{node.lineno}: from os import …"
        for path in modules()
        if not in_room(path, "etl.cli.settings")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and {name.name for name in node.names} & {"environ", "getenv"}
    ]
    assert not places, said("Environment variables only in cli/settings.py (house.md):", places)


def test_no_group_of_a_pattern_is_possessive():
    # Python 3.11.0 to 3.11.4, which Debian 12 has, match them wrongly (python/cpython#106052); `(?>(?:…)*)`
    # says the same and is matched rightly. Can go when 3.12 is the oldest that we support.
    places = [
        f"{path}:{node.lineno}: {node.value!r}"
        for path in modules()
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str | bytes)
        and re.search(
            r"(?<!\\)\)[*+?]\+", node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        )
    ]
    assert not places, said("No possessive quantifier behind a group; write (?>(?:…)*):", places)


AMBIENT = re.compile(
    r"(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|monotonic|perf_counter|sleep)|(Path|os)\.(cwd|getcwd)"
    r"|random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid\d|print|input|sys\.(stdin|stdout|stderr)\..+"
)


def test_nothing_is_ambient_outside_the_command_line():
    places = [
        f"{path}:{node.lineno}: {ast.unparse(node.func)}()"
        for path in modules()
        # aio is the other door to the outside; the sandbox is a server with a clock and tokens of its own.
        if not in_room(path, "etl.cli", "etl.aio", "etl.sandbox")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call) and AMBIENT.fullmatch(ast.unparse(node.func))
    ]
    assert not places, said(
        "Clock, chance, folder and terminal are parameters or live in cli (style, 12):", places
    )


def test_no_test_sleeps():
    places = []
    for path in modules(folder="tests"):
        tree = syntax_of(path)
        # A short pause in a loop that looks at another process is no sleep: the loop ends when it happens.
        polling = {
            inner
            for loop in ast.walk(tree)
            if isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant)
            for inner in ast.walk(loop)
        }
        places += [
            f"{path}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and node not in polling
            and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}
            and ast.unparse(node.args[0]) != "0"
        ]
    assert not places, said("Tests never sleep: they wait for what happens (style, 12):", places)


def test_the_sandbox_takes_only_the_server_from_aiohttp():
    places = [
        f"{path}:{node.lineno}: {name.name}"
        for path in modules()
        if in_room(path, "etl.sandbox")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
        if f"{getattr(node, 'module', '')}.{name.name}".startswith(("aiohttp.Client", "aiohttp.client"))
    ]
    assert not places, said("aiohttp's client only in api/transport.py (house.md):", places)


@pytest.mark.parametrize(
    ("line", "is_bare"),
    [
        ("x = 1  # no" + "qa", True),
        ("x = 1  # no" + "qa: E501  the address is that long", False),
        ("x = 1  # type: ig" + "nore", True),
        ("x = 1  # type: ig" + "nore[arg-type]  untyped upstream", False),
    ],
)
def test_a_silence_without_a_code_is_recognised(line: str, is_bare: bool):  # noqa: FBT001  a parameter of the test
    assert bool(BARE_SILENCE.search(line)) is is_bare


def test_a_wide_handler_is_recognised():
    source = "try:\n    pass\nexcept (ValueError, Exception):\n    pass\n"
    handlers = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler)]
    assert [caught(handler) for handler in handlers] == [["ValueError", "Exception"]]

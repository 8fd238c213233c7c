"""Records in SQLite: one table per entity made from the schema, one writer, any number of readers (WAL).

The key of a table is where the row lies, `_place`: it grows with every insert and every update. So reading
without an order gives what PostgreSQL gives: an updated record stands at the end.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from etl.sandbox.metadata import Entity, Schema

SqlValue = str | int | float | bytes | None
Row = tuple[SqlValue, ...]

_SQL_TYPES = {"int": "INTEGER", "bool": "INTEGER", "float": "REAL"}

OWN_TABLES = """
CREATE TABLE IF NOT EXISTS _setting (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS _token (token TEXT PRIMARY KEY, user_id TEXT, active INTEGER,
  made_s REAL, used_s REAL, lifetime_h REAL, idle_h REAL);
CREATE TABLE IF NOT EXISTS _inheritance (entity TEXT, record_id TEXT, name TEXT, before TEXT, after TEXT);
CREATE TABLE IF NOT EXISTS _audit (entity TEXT, record_id TEXT, part TEXT, delegator TEXT,
  PRIMARY KEY (entity, record_id, part));
CREATE TABLE IF NOT EXISTS _content (file_id TEXT PRIMARY KEY, content BLOB);
CREATE TABLE IF NOT EXISTS _piece (file_hash TEXT, start TEXT, content BLOB, file_id TEXT,
  PRIMARY KEY (file_hash, start));
"""


def quoted(name: str) -> str:
    """Return an identifier quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def unaccented_lower(text: SqlValue) -> SqlValue:
    """Lower-case beyond ASCII, for LIKE with letters that SQLite's own LIKE does not fold."""
    return text.lower() if isinstance(text, str) else text


def connect(path: Path) -> sqlite3.Connection:
    """Open the database in WAL mode; transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=30000;"
        "PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456;"
    )
    connection.create_function("lower_all", 1, unaccented_lower, deterministic=True)
    return connection


def create_tables(connection: sqlite3.Connection, schema: Schema) -> None:
    """Make the tables and columns that are missing."""
    connection.executescript(OWN_TABLES)
    connection.execute("BEGIN")
    for entity in schema.entities.values():
        for statement in _statements(entity, _existing_columns(connection, entity)):
            connection.execute(statement)
    connection.execute("COMMIT")


def _existing_columns(connection: sqlite3.Connection, entity: Entity) -> set[str]:
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({quoted(entity.name)})")}


def _statements(entity: Entity, existing: set[str]) -> Iterator[str]:
    table = quoted(entity.name)
    columns = [f"{quoted(column.name)} {_SQL_TYPES.get(column.kind, 'TEXT')}" for column in entity.stored]
    if not existing:
        listed = ", ".join(["_place INTEGER PRIMARY KEY", "deleted INTEGER NOT NULL DEFAULT 0", *columns])
        yield f"CREATE TABLE {table} ({listed})"
    else:
        for column, sql in zip(entity.stored, columns, strict=True):
            if column.name not in existing:
                yield f"ALTER TABLE {table} ADD COLUMN {sql}"
    # With `deleted` in it, counting live records needs no look at the rows.
    yield f"CREATE UNIQUE INDEX IF NOT EXISTS {quoted(entity.name + '.id')} ON {table} (id, deleted)"
    for number, names in enumerate([*((c.name,) for c in entity.unique_columns), *entity.unique_indexes]):
        listed = ", ".join(quoted(name) for name in names)
        index = quoted(f"{entity.name}.unique{number}")
        yield f"CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table} ({listed}) WHERE deleted = 0"
    covered = {names[0] for names in entity.unique_indexes} | {
        column.name for column in entity.unique_columns
    }
    for name in _indexed(entity) - covered:
        yield f"CREATE INDEX IF NOT EXISTS {quoted(f'{entity.name}.{name}')} ON {table} ({quoted(name)})"


def _indexed(entity: Entity) -> set[str]:
    """Name the columns that are looked up: indexed ones, names, and links that are followed backwards."""
    backwards = {link.column for link in entity.links.values() if link.type == "belongsTo" and link.foreign}
    wanted = {column.name for column in entity.stored if column.indexed} | {"name"}
    if entity.type == "Relation":
        wanted |= {column.name for column in entity.stored if column.kind == "link" and column.required}
    return {name for name in wanted | backwards if name is not None and entity.has(name)}


class Places:
    """Hands out the next place in a table; held by the writer alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last: dict[str, int] = {}

    def next(self, entity: str) -> int:
        """Return a place behind all rows of the table."""
        last = self._last.get(entity)
        if last is None:
            row = self._connection.execute(f"SELECT max(_place) FROM {quoted(entity)}").fetchone()
            last = int(row[0] or 0)
        self._last[entity] = last + 1
        return last + 1


def rows(connection: sqlite3.Connection, sql: str, values: Iterable[SqlValue] = ()) -> list[Row]:
    """Run a query and return all its rows."""
    return connection.execute(sql, tuple(values)).fetchall()


def copy_into(connection: sqlite3.Connection, path: Path) -> None:
    """Write a consistent copy of the whole database into a new file.

    Raises:
        FileExistsError: the file exists.
    """
    if path.exists():
        raise FileExistsError(path)
    connection.execute("VACUUM INTO ?", (str(path),))

"""One running AtroCore: its schema, its generation, its database, its clock and its user."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from etl.sandbox.ids import IdMaker
from etl.sandbox.refusals import NotFound, SqlError
from etl.sandbox.storage import Places, Row, SqlValue, connect, create_tables
from etl.sandbox.trigrams import similarity, word_similarity
from etl.sandbox.values import Check, Handling, Show, Store, Take, handling

if TYPE_CHECKING:
    from collections.abc import Callable, Sized
    from pathlib import Path

    from etl.sandbox.generations import Generation
    from etl.sandbox.metadata import Column, Entity, JsonValue, Schema

USER_ID = "1"
USER_NAME = "Admin"
_SORT_ORDER_SINCE = 1_672_531_200
_SYSTEM_COLUMNS = frozenset({"deleted", "createdAt", "modifiedAt", "createdById", "modifiedById"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How records of one entity are written: prepared once, used for every record."""

    entity: Entity
    takers: dict[str, Take]
    """Every key that may stand in a payload."""
    checks: dict[str, Check]
    """Columns whose values can be refused."""
    stores: dict[str, Store]
    """Stored columns."""
    shows: dict[str, Show]
    """Stored columns that look different in JSON."""
    positions: dict[str, int]
    """Where a stored column stands in a row to insert."""
    template: tuple[SqlValue, ...]
    """A row of defaults; place, deleted, then the stored columns."""
    defaults: dict[str, JsonValue]
    """What a new record shows for columns that were not given."""
    required: tuple[str, ...]
    """Columns that may not be empty."""
    listed_options: tuple[Column, ...]
    """Columns that hold ids of list options."""
    measured: bool
    """Some columns are amounts with a unit."""
    insert: str
    select: str
    """All stored columns of live records, up to the WHERE."""

    def to_sql(self, column: str, value: JsonValue) -> SqlValue:
        """Return a value of a payload as it would be stored."""
        take = self.takers.get(column)
        return self.stores[column](value if take is None else take(value))


@dataclass(slots=True)
class Moment:
    """The times that one request writes."""

    text: str
    """`Y-m-d H:i:s`, UTC."""
    epoch_s: int


class Instance:
    """What all requests share. Writes go through `writer`, under `lock`."""

    def __init__(
        self,
        path: Path,
        generation: Generation,
        *,
        schema: Schema,
        seed: int | None = None,
        clock: Callable[[], float],
    ) -> None:
        self.path = path
        self.generation = generation
        self.schema = schema
        self.ids = IdMaker(generation.id_style, seed)
        self.clock = clock
        self.writer = open_database(path)
        create_tables(self.writer, schema)
        self.places = Places(self.writer)
        self.lock = threading.RLock()
        self.writes = 0
        self.totals: dict[tuple[str, str, tuple[SqlValue, ...]], tuple[int, int]] = {}
        self.languages: tuple[str, ...] = ()
        self.checks_conflicts = True
        self._with_deleted: dict[str, bool] = {}
        self._plans: dict[str, Plan] = {}

    def entity(self, name: str) -> Entity:
        """Return an entity by its name.

        Raises:
            NotFound: there is none.
        """
        found = self.schema.entities.get(name)
        if found is None:
            raise NotFound(f"Controller '{name}' is not found")
        return found

    def plan(self, name: str) -> Plan:
        """Return how records of an entity are written."""
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plans[name] = _plan(self.entity(name), self.generation)
        return plan

    def has_deleted(self, name: str) -> bool:
        """Say whether an entity may have deleted records; asked by the writer alone."""
        known = self._with_deleted.get(name)
        if known is None:
            found = self.writer.execute(f'SELECT 1 FROM "{name}" WHERE deleted = 1 LIMIT 1').fetchone()
            known = self._with_deleted[name] = found is not None
        return known

    def note_deleted(self, name: str) -> None:
        """Remember that an entity has a deleted record now."""
        self._with_deleted[name] = True

    def moment(self) -> Moment:
        """Return the present, in whole seconds."""
        epoch = self.clock()
        return Moment(datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S"), int(epoch))

    def sort_order(self, moment: Moment) -> int:
        """Return the sort order of a new record: seconds since 2023."""
        return moment.epoch_s - _SORT_ORDER_SINCE

    def today(self) -> datetime:
        """Return midnight of the present day, UTC."""
        return datetime.fromtimestamp(self.clock(), UTC).replace(
            hour=0, minute=0, second=0, microsecond=0, tzinfo=None
        )

    def day(self, days: int) -> datetime:
        """Return midnight some days from today."""
        return self.today() + timedelta(days=days)

    def writer_row(self, sql: str, values: tuple[SqlValue, ...]) -> Row | None:
        """Run a query on the writing connection and return its first row."""
        with self.lock:
            found: Row | None = self.writer.execute(sql, values).fetchone()
        return found

    def close(self) -> None:
        """Close the writing connection."""
        self.writer.close()


def _never() -> bool:
    return False


@dataclass(slots=True)
class Session:
    """One request at work: what it may read with, and what its headers ask for."""

    instance: Instance
    connection: sqlite3.Connection
    flatten: bool = False
    """`Flatten-Attributes` was sent."""
    meta: bool = False
    """`With-Meta` was sent."""
    language: str = ""
    """What the language of the `Language` header adds to a field's name, as `DeDe`; "" is the main one."""
    caches: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    """Names of linked records that were looked up already, by entity and id."""
    breaks_off: Callable[[], bool] = _never
    """A fault: says whether this record is stored without its relations."""
    delegator: str = ""
    """Who the signed-in user acts for; "" outside of a delegated session."""
    fetched: bytes | None = None
    """What an address in the body gave, fetched before the request took its turn."""
    site: str = ""
    """The address that answers name, without a slash at the end."""

    @property
    def generation(self) -> Generation:
        """The generation that answers."""
        return self.instance.generation

    def rows(self, sql: str, values: tuple[SqlValue, ...] = ()) -> list[Row]:
        """Run a query and return all its rows.

        Raises:
            SqlError: SQLite refuses it; so would the real database, where the schema names what is not there.
        """
        return self._execute(sql, values).fetchall()

    def row(self, sql: str, values: tuple[SqlValue, ...] = ()) -> Row | None:
        """Run a query and return its first row."""
        found: Row | None = self._execute(sql, values).fetchone()
        return found

    def run(self, sql: str, values: tuple[SqlValue, ...] = ()) -> int:
        """Run a statement that writes; return the number of rows it touched."""
        return self._execute(sql, values).rowcount

    def _execute(self, sql: str, values: tuple[SqlValue, ...]) -> sqlite3.Cursor:
        try:
            return self.connection.execute(sql, values)
        except sqlite3.OperationalError as error:
            raise SqlError(f"SQLSTATE[42703]: {error}") from error


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database with all the functions that filters call."""
    connection = connect(path)
    connection.create_function("similarity", 2, similarity, deterministic=True)
    connection.create_function("word_similarity", 2, word_similarity, deterministic=True)
    return connection


def quoted_list(names: tuple[str, ...] | list[str], alias: str = "") -> str:
    """Return column names for SQL, quoted and with commas."""
    return ", ".join(f'{alias}"{name}"' for name in names)


def marks(values: Sized) -> str:
    """Return so many question marks for SQL, with commas."""
    return ",".join("?" * len(values))


def _plan(entity: Entity, generation: Generation) -> Plan:
    handlings: dict[str, Handling] = {
        column.name: handling(column, generation) for column in entity.columns.values()
    }
    stored = entity.stored
    writable = [
        column
        for column in entity.columns.values()
        if column.name not in _SYSTEM_COLUMNS and not (column.read_only and column.stored)
    ]
    names = [column.name for column in stored]
    defaults: dict[str, JsonValue] = {}
    template: list[SqlValue] = [None, 0]
    for column in stored:
        default = column.default
        if column.type == "enum" and column.not_null and default is None:
            default = ""
        if default is None and column.kind != "bool":
            template.append(None)
            continue
        taken = handlings[column.name].take(default)
        template.append(handlings[column.name].store(taken))
        # The create itself answers a default number of a float field as text (observed on 1.10 and 2.1).
        defaults[column.name] = str(default) if column.kind == "float" else taken
    table = f'"{entity.name}"'
    return Plan(
        entity,
        takers={column.name: handlings[column.name].take for column in writable},
        checks={name: check for name, made in handlings.items() if (check := made.check) is not None},
        stores={name: handlings[name].store for name in names},
        shows={name: show for name in names if (show := handlings[name].show) is not None},
        positions={name: index + 2 for index, name in enumerate(names)},
        template=tuple(template),
        defaults=defaults,
        required=tuple(column.name for column in stored if column.required),
        listed_options=tuple(column for column in stored if column.list_id),
        measured=any(column.measure and column.kind != "link" for column in stored),
        insert=f"INSERT INTO {table} (_place, deleted, {quoted_list(names)}) VALUES ({marks(template)})",
        select=f"SELECT {quoted_list(names)} FROM {table} WHERE deleted = 0",
    )

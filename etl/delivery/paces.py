"""The pace of each entity, and how large a request the server takes: what delivery learns as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.model import Batch, Limits
    from etl.pacing import Learnt

LEAST_BYTES = 1024
"""No server was seen that refuses less."""


class Paces:
    """One `Pacer` for each entity: a product takes the server ten times as long as a brand."""

    def __init__(
        self,
        limits: Limits,
        *,
        now: Callable[[], float],
        known: Callable[[str], Learnt | None] = lambda _: None,
    ) -> None:
        """Begin carefully, or with what is known.

        Args:
            limits: what is never exceeded.
            now: seconds of a clock that never goes back.
            known: what an earlier run learnt of an entity.
        """
        self._limits, self._now, self._known = limits, now, known
        self._pacers: dict[str, Pacer] = {}
        self.batch_bytes = limits.batch_bytes
        """Bytes of a body, at most; less once the server refused a smaller one."""

    def of(self, entity: str) -> Pacer:
        """Return the pace of an entity."""
        if (pacer := self._pacers.get(entity)) is None:
            pacer = Pacer(self._limits, self._known(entity), now=self._now)
            self._pacers[entity] = pacer
        return pacer

    def at_once(self, batch: Batch) -> int:
        """Return how many requests may be under way beside and with this one."""
        # Deletes and the simple endpoints go record by record; nothing is measured there.
        is_measured = bool(batch.body) and not batch.changes.attribute_keys
        return self.of(batch.entity).slots if is_measured else self._limits.in_flight

    def bounds(self, entity: str) -> tuple[int, int]:
        """Return rows and bytes of the next request, at most."""
        return self.of(entity).batch_rows, self.batch_bytes

    def too_large(self, batch: Batch) -> None:
        """Take note that the server, or a proxy before it, takes no body of this size."""
        if len(batch) > 1:
            self.batch_bytes = max(LEAST_BYTES, min(self.batch_bytes, len(batch.body) // 2))

    def learnt(self) -> Mapping[str, Learnt]:
        """Return what the next run should begin with, by entity; those without enough requests are absent."""
        found = {entity: pacer.learnt for entity, pacer in self._pacers.items()}
        return {entity: one for entity, one in found.items() if one is not None}

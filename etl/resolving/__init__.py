"""Natural keys -> record ids, link texts -> ids. Asks in bulk, remembers, writes nothing."""

from etl.resolving.keys import canonical_keys, own_id
from etl.resolving.links import LinkFinder
from etl.resolving.records import Found, RecordFinder

__all__ = ["Found", "LinkFinder", "RecordFinder", "canonical_keys", "own_id"]

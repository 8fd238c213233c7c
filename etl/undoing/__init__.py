"""What a run did, turned round: lines of a plan that put the old values back."""

from etl.undoing.happened import Happened, what_happened
from etl.undoing.remarks import remarks_of
from etl.undoing.turning import Turned, turn_round

__all__ = ["Happened", "Turned", "remarks_of", "turn_round", "what_happened"]

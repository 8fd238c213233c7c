"""Batches out, outcomes back: exactly one outcome per record, whatever happens on the way."""

from etl.delivery.drift import OnDrift
from etl.delivery.paces import Paces
from etl.delivery.sending import deliver
from etl.delivery.unsent import SentBefore, foreseen_outcomes, invalid_outcomes, unsent_outcomes

__all__ = [
    "OnDrift",
    "Paces",
    "SentBefore",
    "deliver",
    "foreseen_outcomes",
    "invalid_outcomes",
    "unsent_outcomes",
]

"""Batches out, outcomes back: exactly one outcome per record, whatever happens on the way."""

from etl.delivery.sending import deliver
from etl.delivery.unsent import invalid_outcomes, unsent_outcomes

__all__ = ["deliver", "invalid_outcomes", "unsent_outcomes"]

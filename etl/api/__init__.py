"""The AtroCore REST API: what goes over the wire, and the client that sends it."""

from etl.api.client import Client, connect
from etl.api.generations import GENERATIONS, Generation
from etl.api.retry import RetryClock
from etl.api.target import Secret, Target
from etl.api.where import Condition, Operator
from etl.api.wire import Answer, ItemAnswer, ItemKind, Page, Record, Request, Session

__all__ = [
    "GENERATIONS",
    "Answer",
    "Client",
    "Condition",
    "Generation",
    "ItemAnswer",
    "ItemKind",
    "Operator",
    "Page",
    "Record",
    "Request",
    "RetryClock",
    "Secret",
    "Session",
    "Target",
    "connect",
]

"""One request failed; who sent it decides what that means."""

from __future__ import annotations

from etl.errors.families import RequestFailed


class NoAnswer(RequestFailed):
    """Connection reset, cut or timed out."""


class TimedOut(NoAnswer):
    """No answer within the time that one request may take."""


class NotReached(NoAnswer):
    """No connection came about: refused, no such host, no valid certificate."""

    may_be_done = False


class ServerFailed(RequestFailed):
    """The server or a proxy before it failed: 429 and 5xx."""


class AnswerUnusable(RequestFailed):
    """The answer cannot be read as what was asked for."""


class DatabaseRefused(AnswerUnusable):
    """The server's database refused; asking again gives the same answer."""


class TooLarge(RequestFailed):
    """The request is too large for the server or a proxy: 413, 414."""

    may_be_done = False


class Refused(RequestFailed):
    """The server understood and refused: 400, 403, 404, 409."""

    may_be_done = False

"""What answers mean: success or which failure, pages, tokens, the outcomes of a bulk upsert. No I/O."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from etl.api.wire import Answer, ItemAnswer, ItemKind, Json, Page, Record, Request, Session
from etl.errors import AnswerUnusable, DatabaseRefused, Refused, RequestFailed, ServerFailed, TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.api.generations import Generation

SHOWN_CHARACTERS = 500
"""So much of a server's own words is kept."""

OK, NOT_MODIFIED, UNAUTHORIZED, NOT_FOUND = 200, 304, 401, 404
_TOO_LARGE = frozenset({413, 414})
TOO_MANY = 429
SERVER_ERRORS = 500
_REDIRECTS = range(300, 400)
_ERRORS = 400


def read_json(request: Request, answer: Answer) -> Json:
    """Return what a successful answer says; None for 304 (nothing was changed).

    Raises:
        RequestFailed: it is no success, or damaged.
    """
    if not is_json(request, answer):
        return None
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise AnswerUnusable(
            str(request), status=answer.status, reason=f"with JSON that breaks off or is damaged ({error})"
        ) from error


def is_json(request: Request, answer: Answer) -> bool:
    """Tell whether a successful answer says anything; False for 304 (nothing was changed).

    Raises:
        RequestFailed: it is no success. A success is a 2xx and JSON and no X-Status-Reason, since SQL errors
            come with status 200. Source: observations, "Errors and sign-in".
    """
    if answer.status == NOT_MODIFIED:
        return False
    if answer.status >= _ERRORS or answer.status in _REDIRECTS:
        raise failure(request, answer)
    if answer.reason:
        # The header holds one line of what the database said, the body all of it. Source: recorded answers.
        said = answer.reason if answer.body[:1] in (b"", b"[", b"{") else _decoded(answer.body)
        raise DatabaseRefused(str(request), status=answer.status, reason=plain(said))
    if "application/json" not in answer.content_type:
        kind = answer.content_type.partition(";")[0] or "nothing"
        raise AnswerUnusable(str(request), status=answer.status, reason=f"with {kind} instead of JSON")
    return True


def check_content(request: Request, answer: Answer) -> None:
    """Refuse an answer that is not the content of a file, which a sink has taken.

    Raises:
        RequestFailed: it is no success.
    """
    if answer.status != OK:
        raise failure(request, answer)
    if answer.reason:
        raise DatabaseRefused(str(request), status=answer.status, reason=plain(answer.reason))


def failure(request: Request, answer: Answer) -> RequestFailed:
    """Return the exception that an error answer means.

    The text of errors is translated and partly HTML; it is shown and never read. Source: api-contract §3.2.
    """
    reason = answer.reason or ("" if b"<html" in answer.body[:200].lower() else _decoded(answer.body))
    if answer.status in _REDIRECTS:
        return Refused(
            str(request), status=answer.status, reason=f"a redirect to {answer.location or 'nowhere'}"
        )
    kind: type[RequestFailed] = Refused
    if answer.status in _TOO_LARGE:
        kind = TooLarge
    elif answer.status == TOO_MANY or answer.status >= SERVER_ERRORS:
        kind = ServerFailed
    return kind(str(request), status=answer.status, reason=plain(reason), retry_after_s=answer.retry_after_s)


def is_missing_record(answer: Answer, generation: Generation) -> bool:
    """Tell whether a 404 means that there is no such record, and not that there is no such entity or route.

    A missing record has an empty body; a missing entity has a reason, a missing route an HTML page.
    Source: observations, "Errors and sign-in"; recorded answers of 1.10 and 2.1.
    """
    if answer.status != NOT_FOUND or b"<html" in answer.body[:200].lower():
        return False
    return not (generation.tells_missing_route and answer.reason)


def read_object(request: Request, answer: Answer) -> Record | None:
    """Return the object in an answer; None for 304.

    Raises:
        RequestFailed: it is no success, or no object.
    """
    value = read_json(request, answer)
    if value is not None and not isinstance(value, dict):
        raise AnswerUnusable(str(request), status=answer.status, reason="without an object")
    return value


def read_record(request: Request, answer: Answer, *, record_id: str, generation: Generation) -> Record | None:
    """Return the record of this id; None where there is none.

    Raises:
        RequestFailed: it is no success, or no object.
    """
    if is_missing_record(answer, generation):
        return None
    record = read_object(request, answer) or {}
    # 2.3 takes an id for a code too, and may answer another record. Source: api-contract §4, "2.3 differs".
    return record if str(record.get("id", record_id)) == record_id else None


def read_page(request: Request, answer: Answer) -> Page:
    """Return a page of a list.

    Raises:
        RequestFailed: it is no success, or no list.
    """
    value = read_json(request, answer)
    records = value.get("list", []) if isinstance(value, dict) else None
    total = value.get("total") if isinstance(value, dict) else None
    if not isinstance(records, list) or not ("list" in value or isinstance(total, int)):
        raise AnswerUnusable(str(request), status=answer.status, reason="without a list")
    # -1 and -2 stand for "not counted". Source: api-contract §4.
    counted = total if isinstance(total, int) and total >= 0 else None
    return Page(counted, records)


def read_token(request: Request, answer: Answer) -> str:
    """Return the token of a sign-in. Source: AtroCore REST API, "Authentication", step 2.

    Raises:
        RequestFailed: it is no success, or there is no token in it.
    """
    value = read_json(request, answer)
    token = value.get("authorizationToken") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise AnswerUnusable(str(request), status=answer.status, reason="without an authorization token")
    return token


def read_session(request: Request, answer: Answer) -> Session:
    """Return what the full session object tells. Source: api-contract §1.1; recorded answers ("login_full").

    Raises:
        RequestFailed: it is no success, or no session.
    """
    value = read_object(request, answer) or {}
    if "user" not in value and "authorizationToken" not in value:
        raise AnswerUnusable(str(request), status=answer.status, reason="without a user")
    user, settings, limits = (_mapping(value.get(key)) for key in ("user", "settings", "appParams"))
    upload = limits.get("maxUploadSize")
    acl = _mapping(value.get("acl"))
    return Session(
        user=str(user.get("userName") or ""),
        is_admin=user.get("isAdmin") is True,
        # The core puts its own version among the settings. Source: AtroCore, Settings service, `coreVersion`.
        version=str(settings.get("coreVersion") or settings.get("version") or ""),
        max_upload_mib=int(upload) if isinstance(upload, int | float) else None,
        acl=_mapping(acl.get("table")) or acl,
        keeps_history=_unless("disableActionHistory", user, settings),
        checks_conflicts=_flag(settings.get("checkForConflicts")),
    )


def _unless(name: str, *places: Mapping[str, Json]) -> bool | None:
    """Return False where one of the places says the flag, True where none of those that know it does."""
    known = [place[name] is True for place in places if name in place]
    return not any(known) if known else None


def _flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


# The only part of a failed item's text that may be read; the rest is translated. Source: observations.
_ITEM_CODE = re.compile(r"^Code: (\d+)\.\s*(?:Message: )?")

_STORED = MappingProxyType(
    {"Created": ItemKind.CREATED, "Updated": ItemKind.UPDATED, "NotModified": ItemKind.UNCHANGED}
)


def read_items(request: Request, answer: Answer, *, count: int) -> list[ItemAnswer]:
    """Return the answers to a bulk upsert, in the order of its items.

    Args:
        count: items that were sent. 1.10 answers malformed JSON with an empty list, so the length is always
            compared. Source: observations, "Bulk upsert" 5.

    Raises:
        RequestFailed: it is no success, no list, or a list of another length.
    """
    value = read_json(request, answer)
    if not isinstance(value, list):
        raise AnswerUnusable(str(request), status=answer.status, reason="without a list of outcomes")
    if len(value) != count:
        raise AnswerUnusable(
            str(request), status=answer.status, reason=f"with {len(value)} outcomes for {count} records"
        )
    try:
        # Most often all were stored, and the instance says when.
        return [_stored(item["status"], item["entity"]["modifiedAt"]) for item in value]
    except (KeyError, TypeError):
        return [_read_item(request, answer, item) for item in value]


@lru_cache(maxsize=64)
def _stored(status: str, modified_at: Json) -> ItemAnswer:
    """Return what became of an item that was stored; many are in the same second, and share one object.

    Raises:
        KeyError: it was not.
    """
    return ItemAnswer(_STORED[status], modified_at=modified_at if isinstance(modified_at, str) else None)


def _read_item(request: Request, answer: Answer, item: Json) -> ItemAnswer:
    if not isinstance(item, dict):
        raise AnswerUnusable(str(request), status=answer.status, reason="with an outcome that is no object")
    status = item.get("status")
    if isinstance(status, str) and status in _STORED:
        # v1 puts the record there, 2.3 the entity's name with the id beside it. Source: api-contract §2.4.
        entity = item.get("entity")
        modified_at = entity.get("modifiedAt") if isinstance(entity, dict) else None
        return _stored(status, modified_at if isinstance(modified_at, str) else None)
    if status != "Failed":
        raise AnswerUnusable(str(request), status=answer.status, reason=f"with an outcome {status!r:.40}")
    text = str(item.get("message") or "")
    match = _ITEM_CODE.match(text)
    code = item.get("code") if isinstance(item.get("code"), int) else None
    if code is None and match is not None:
        code = int(match[1])
    if code == NOT_MODIFIED:
        # 1.10 calls an unchanged record failed with this code. Source: observations, "Bulk upsert".
        return ItemAnswer(ItemKind.UNCHANGED)
    said = text[match.end() :] if match else text
    return ItemAnswer(ItemKind.FAILED, code=code, text=plain(said))


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def plain(text: str) -> str:
    """Return foreign text as it can stand in a message: one line, no control characters, shortened."""
    clean = _UNPRINTABLE.sub(" ", text).strip()
    return clean if len(clean) <= SHOWN_CHARACTERS else clean[: SHOWN_CHARACTERS - 1] + "…"


def _decoded(body: bytes) -> str:
    return body[: 4 * SHOWN_CHARACTERS].decode("utf-8", errors="replace")


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def read_retry_after(text: str) -> float | None:
    """Return the seconds of a Retry-After header; None for none. A date is not read: clocks differ."""
    return float(text) if text.strip().isdecimal() else None


def read_location(text: str) -> str:
    """Return where a redirect points to, without user and query: these may hold secrets."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path

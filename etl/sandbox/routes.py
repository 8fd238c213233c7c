"""Which request does what, under `/api/v1`.

Source: AtroCore REST API; observed on 1.10 and 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.sandbox import (
    contents,
    dressing,
    files,
    listing,
    mass,
    openapi,
    queue,
    reading,
    records,
    relations,
    removing,
    routes_2_3,
    simple_attributes,
    upserts,
)
from etl.sandbox.calls import HTML, Answer, Call, json_answer, text_parameter
from etl.sandbox.labels import labels
from etl.sandbox.refusals import BadRequest, NoRoute, NotFound, Refusal
from etl.sandbox.settings import settings, signed_in

if TYPE_CHECKING:
    from etl.sandbox.instance import Instance, Session
    from etl.sandbox.metadata import JsonValue
    from etl.sandbox.signin import Accounts

_UPDATES = {"PUT", "PATCH"}


@dataclass(slots=True)
class Site:
    """Everything that routes need."""

    instance: Instance
    accounts: Accounts
    before_item: Callable[[int], None] | None = field(default=None)
    """A fault's hook: called before each bulk item."""


_AT_ROOT = {"downloads", "images", "sharings", "openapi.json", "thumbnail"}


def is_open(call: Call) -> bool:
    """Say whether a route needs no sign-in, or is the sign-in itself."""
    return (
        is_sign_in(call)
        or call.path
        in {("I18n",), ("i18n",), ("Settings",), ("File", "action", "upload-proxy"), ("openapi.json",)}
        or call.path[0] == "sharings"
    )


def is_sign_in(call: Call) -> bool:
    """Say whether a request signs in."""
    return call.path in {("App", "user"), ("userSession",)}


def is_at_root(call: Call) -> bool:
    """Say whether a path stands at the root of the site, not under the API's base."""
    return call.path[0] in _AT_ROOT or (call.path == ("",) and "entryPoint" in call.query)


def reads_only(call: Call) -> bool:
    """Say whether a request writes nothing, so that it may run beside others."""
    return call.method == "GET" and not is_sign_in(call) and call.path[0] != "sharings"


def address_to_fetch(call: Call) -> str | None:
    """Return the address that a request asks the server to fetch."""
    if call.method != "POST" or call.path[0] != "File":
        return None
    body = call.body()
    url = body.get("url") if isinstance(body, dict) else None
    if not isinstance(url, str):
        return None
    try:
        last = contents.check_url(url)
    except Refusal:
        return None
    named = isinstance(body, dict) and (body.get("name") or call.path != ("File",))
    return url if named or "." in last else None


def answer(site: Site, session: Session, call: Call) -> Answer:
    """Return the answer to a request that has signed in.

    Raises:
        Refusal: anything but a success.
        Crash: an error in the middle of PHP.
    """
    newer = routes_2_3.find(call) if session.generation.renamed_routes else None
    if newer is not None:
        return json_answer(newer(session, call))
    if is_at_root(call) and call.method == "GET":
        return _at_root(session, call)
    known = _SPECIAL | _SPECIAL_2_3 if session.generation.renamed_routes else _SPECIAL
    special = known.get((call.method, "/".join(call.path)))
    turn = Turn(site, session, call)
    return special(turn) if special is not None else _of_entity(turn)


def _of_entity(turn: Turn) -> Answer:
    session, call = turn.session, turn.call
    match call.path:
        case (_,):
            return _collection(session, call)
        case (_, _):
            return _record(session, call)
        case (_, "action", _):
            return _action(turn)
        case (name, link, "relation") if call.method in {"POST", "DELETE"}:
            removing = call.method == "DELETE"
            return json_answer(mass.relate(session, name, call.body(), link_name=link, removing=removing))
        case (_, _, _):
            return _linked(session, call)
    raise NoRoute


def _at_root(session: Session, call: Call) -> Answer:
    kind, *rest = call.path
    if kind == "openapi.json":
        return json_answer(openapi.describe(session))
    if "entryPoint" in call.query:
        return files.downloaded(session, text_parameter(call.query.get("id")))
    if not rest:
        raise NoRoute
    file_id = rest[-1].rpartition(".")[0] or rest[-1]
    return files.shared(session, file_id) if kind == "sharings" else files.downloaded(session, file_id)


def _collection(session: Session, call: Call) -> Answer:
    name = call.path[0]
    if call.method not in {"GET", "POST"}:
        raise NoRoute
    entity = session.instance.entity(name)
    if call.method == "GET":
        page = listing.list_records(session, name, call.query)
        return json_answer(dressing.dress_page(session, entity, page, query=call.query))
    if name == session.generation.queue:
        raise NotFound
    if name == "File":
        return json_answer(files.create(session, call.body()))
    record = records.create(session, name, call.body())
    return json_answer(dressing.dress_written(session, entity, record, query=call.query))


def _record(session: Session, call: Call) -> Answer:
    name, record_id = call.path
    entity = session.instance.entity(name)
    if call.method == "GET":
        return json_answer(dressing.dress_record(session, entity, reading.read_one(session, name, record_id)))
    if call.method in _UPDATES:
        body = call.body()
        change = (
            files.update(session, record_id, body)
            if name == "File"
            else records.update(session, name, record_id, body)
        )
        return json_answer(dressing.dress_written(session, entity, change, query=call.query))
    if call.method == "DELETE":
        return json_answer(removing.delete(session, name, record_id, permanently=call.flag("permanently")))
    raise NoRoute


def _linked(session: Session, call: Call) -> Answer:
    name, record_id, link = call.path
    entity = session.instance.entity(name)
    simple = simple_attributes.answer(session, call)
    if simple is not None:
        return json_answer(simple)
    if session.generation.renamed_routes:
        raise NoRoute
    if call.method == "GET":
        page = listing.list_linked(session, name, record_id, link_name=link, query=call.query)
        far = session.instance.entity(relations.link_of(entity, link).entity)
        return json_answer(dressing.dress_page(session, far, page, query=call.query, linked=True))
    if call.method == "POST":
        return json_answer(relations.add_all(session, name, record_id, link_name=link, body=call.body()))
    if call.method == "DELETE":
        return json_answer(relations.remove_all(session, name, record_id, link_name=link, ids=call.ids()))
    raise NoRoute


@dataclass(frozen=True, slots=True)
class Turn:
    """One request with everything its answer needs."""

    site: Site
    session: Session
    call: Call

    @property
    def name(self) -> str:
        """The entity that the path names first."""
        return self.call.path[0]


def _action(turn: Turn) -> Answer:
    name, _, action = turn.call.path
    if name not in {"App", "MassActions", "Admin"}:
        turn.session.instance.entity(name)
    found = _ACTIONS.get((turn.call.method, action))
    if found is None or (action in {"restore", "massRestore"} and not turn.session.generation.restores):
        raise NotFound(f"Action '{action}' ({turn.call.method}) does not exist in controller '{name}'")
    return found(turn)


def _upsert(turn: Turn) -> Answer:
    call, session = turn.call, turn.session
    body = call.body()
    if session.generation.bodies_checked:
        if not call.is_json:
            raise BadRequest("this content type is not expected")
        if body is None or not call.raw:
            raise BadRequest("the body is no JSON")
    upserts.check_body(session.generation, body)
    if call.flag("Use-Queue") or call.path == ("upsertAsync",):
        return json_answer(queue.queue_upsert(session, body))
    return json_answer(upserts.Batch(session, before_item=turn.site.before_item).run(body))


def _user(turn: Turn) -> Answer:
    call, accounts = turn.call, turn.site.accounts
    token = accounts.sign_in(call.headers, call.address)
    shown = accounts.shown(token)
    if call.flag("Authorization-Token-Only"):
        return json_answer({"authorizationToken": shown})
    return json_answer(signed_in(turn.session, token=token, shown=shown, address=call.address))


def _destroy_token(turn: Turn) -> Answer:
    body = turn.call.body()
    return json_answer(isinstance(body, dict) and turn.site.accounts.destroy(str(body.get("token"))))


def _restore(turn: Turn) -> Answer:
    body = mass.given_object(turn.call.body())
    return json_answer(removing.restore(turn.session, turn.name, str(body.get("id"))))


def _of_many(work: Callable[[Session, str, JsonValue], JsonValue]) -> Route:
    return lambda turn: json_answer(work(turn.session, turn.name, turn.call.body()))


Route = Callable[[Turn], Answer]

_DONE = json_answer(value=True)
_SPECIAL: dict[tuple[str, str], Route] = {
    ("GET", ""): lambda _: Answer(200, b"AtroCore sandbox", HTML),
    ("GET", "App/user"): _user,
    ("POST", "App/action/destroyAuthToken"): _destroy_token,
    ("POST", "MassActions/action/upsert"): _upsert,
    ("GET", "Metadata"): lambda turn: json_answer(turn.session.instance.schema.raw),
    ("GET", "Settings"): lambda turn: json_answer(settings(turn.session)),
    ("GET", "I18n"): lambda turn: json_answer(labels(turn.session, turn.call)),
    ("POST", "Admin/clearCache"): lambda _: _DONE,
    ("POST", "Admin/rebuildDb"): lambda _: _DONE,
    ("PUT", "File/action/reupload"): lambda turn: json_answer(files.reupload(turn.session, turn.call.body())),
    ("POST", "File/action/upload-proxy"): lambda turn: files.proxied(turn.session, turn.call.body()),
}
_SPECIAL_2_3: dict[tuple[str, str], Route] = {
    ("GET", "userSession"): _user,
    ("GET", "i18n"): lambda turn: json_answer(labels(turn.session, turn.call)),
    ("POST", "upsert"): _upsert,
    ("POST", "upsertAsync"): _upsert,
}
_ACTIONS: dict[tuple[str, str], Route] = {
    ("PUT", "massUpdate"): _of_many(mass.update),
    ("POST", "massDelete"): _of_many(mass.delete),
    ("POST", "massRestore"): _of_many(mass.restore),
    ("POST", "unlinkAll"): _of_many(mass.unlink_all),
    ("POST", "restore"): _restore,
    ("GET", "massActionStatus"): lambda turn: json_answer(
        queue.status(turn.session, text_parameter(turn.call.query.get("id")))
    ),
    ("GET", "tree"): lambda turn: json_answer(listing.list_records(turn.session, turn.name, turn.call.query)),
}

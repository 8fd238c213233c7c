"""Which request does what, under `/api/v1`.

Source: AtroCore REST API; observed on 1.10 and 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    routes_2_3,
    simple_attributes,
    upserts,
)
from etl.sandbox.calls import HTML, Answer, Call, json_answer
from etl.sandbox.instance import Instance, Session
from etl.sandbox.metadata import JsonValue
from etl.sandbox.refusals import BadRequest, Crash, NoRoute, NotFound, Refusal
from etl.sandbox.settings import i18n, settings, signed_in
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
        or call.path in {("I18n",), ("Settings",), ("File", "action", "upload-proxy"), ("openapi.json",)}
        or call.path[0] == "sharings"
    )


def is_sign_in(call: Call) -> bool:
    """Say whether a request signs in."""
    return call.path in {("App", "user"), ("userSession",)}


def is_at_root(call: Call) -> bool:
    """Say whether a path stands at the root of the site, not under the API's base."""
    return call.path[0] in _AT_ROOT


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
    path, method = call.path, call.method
    if not path or path == ("",):
        return Answer(200, b"AtroCore sandbox", HTML)
    if is_at_root(call) and method == "GET":
        return _at_root(session, call)
    if session.generation.renamed_routes:
        newer = routes_2_3.find(call)
        if newer is not None:
            return json_answer(newer(session, call))
    special = (_SPECIAL | _SPECIAL_2_3 if session.generation.renamed_routes else _SPECIAL).get(
        (method, "/".join(path))
    )
    if special is not None:
        return special(site, session, call)
    if len(path) == 1:
        return _collection(session, call)
    if len(path) == 3 and path[1] == "action":
        return _action(site, session, call)
    if len(path) == 3 and path[2] == "relation" and method in {"POST", "DELETE"}:
        return json_answer(
            mass.relate(session, path[0], call.body(), link_name=path[1], removing=method == "DELETE")
        )
    if len(path) == 2:
        return _record(session, call)
    if len(path) == 3:
        return _linked(session, call)
    raise NoRoute


def _at_root(session: Session, call: Call) -> Answer:
    kind, *rest = call.path
    if kind == "openapi.json":
        return json_answer(openapi.describe(session))
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
        return json_answer(records.delete(session, name, record_id, permanently=call.flag("permanently")))
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


def _action(site: Site, session: Session, call: Call) -> Answer:
    name, _, action = call.path
    if name not in {"App", "MassActions", "Admin"}:
        session.instance.entity(name)
    found = _ACTIONS.get((call.method, action))
    if found is None or (action in {"restore", "massRestore"} and not session.generation.restores):
        raise NotFound(f"Action '{action}' ({call.method}) does not exist in controller '{name}'")
    return found(site, session, call)


def _upsert(site: Site, session: Session, call: Call) -> Answer:
    generation = session.generation
    if generation.bodies_checked:
        if not call.is_json:
            raise BadRequest("this content type is not expected")
        if call.body() is None or not call.raw:
            raise BadRequest("the body is no JSON")
    body = call.body()
    upserts.check_body(generation, body)
    if call.flag("Use-Queue") or call.path == ("upsertAsync",):
        return json_answer(queue.queue_upsert(session, body))
    return json_answer(upserts.Batch(session, before_item=site.before_item).run(body))


def _user(site: Site, session: Session, call: Call) -> Answer:
    token = site.accounts.sign_in(call.headers, call.address)
    shown = site.accounts.shown(token)
    if call.flag("Authorization-Token-Only"):
        return json_answer({"authorizationToken": shown})
    return json_answer(signed_in(session, token=token, shown=shown, address=call.address))


def _destroy_token(site: Site, session: Session, call: Call) -> Answer:
    body = call.body()
    return json_answer(site.accounts.destroy(str(body.get("token"))) if isinstance(body, dict) else False)


def _restore(site: Site, session: Session, call: Call) -> Answer:
    body = call.body()
    if not isinstance(body, dict):
        raise Crash
    return json_answer(records.restore(session, call.path[0], str(body.get("id"))))


def _true(site: Site, session: Session, call: Call) -> Answer:
    return json_answer(True)


Route = Callable[[Site, Session, Call], Answer]

_SPECIAL: dict[tuple[str, str], Route] = {
    ("GET", "App/user"): _user,
    ("POST", "App/action/destroyAuthToken"): _destroy_token,
    ("POST", "MassActions/action/upsert"): _upsert,
    ("GET", "Metadata"): lambda site, session, call: json_answer(session.instance.schema.raw),
    ("GET", "Settings"): lambda site, session, call: json_answer(settings(session)),
    ("GET", "I18n"): lambda site, session, call: json_answer(i18n()),
    ("POST", "Admin/clearCache"): _true,
    ("POST", "Admin/rebuildDb"): _true,
    ("PUT", "File/action/reupload"): lambda site, session, call: json_answer(
        files.reupload(session, call.body())
    ),
    ("POST", "File/action/upload-proxy"): lambda site, session, call: files.proxied(session, call.body()),
}
_SPECIAL_2_3: dict[tuple[str, str], Route] = {
    ("GET", "userSession"): _user,
    ("POST", "upsert"): _upsert,
    ("POST", "upsertAsync"): _upsert,
}
_ACTIONS: dict[tuple[str, str], Route] = {
    ("PUT", "massUpdate"): lambda site, session, call: json_answer(
        mass.update(session, call.path[0], call.body())
    ),
    ("POST", "massDelete"): lambda site, session, call: json_answer(
        mass.delete(session, call.path[0], call.body())
    ),
    ("POST", "massRestore"): lambda site, session, call: json_answer(
        mass.restore(session, call.path[0], call.body())
    ),
    ("POST", "restore"): _restore,
    ("POST", "unlinkAll"): lambda site, session, call: json_answer(
        mass.unlink_all(session, call.path[0], call.body())
    ),
    ("GET", "massActionStatus"): lambda site, session, call: json_answer(
        queue.status(session, str(call.query.get("id")))
    ),
    ("GET", "tree"): lambda site, session, call: json_answer(
        listing.list_records(session, call.path[0], call.query)
    ),
}

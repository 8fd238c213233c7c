"""Plain requests to a sandbox, so that the contract is told in terms of HTTP and of nothing of ours."""

import base64
import http.client
import itertools
import json
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from etl.sandbox import run_in_thread

GENERATIONS = ("1.10", "2.1", "2.2", "2.3")
_NUMBERS = itertools.count(1)


def fresh(word="x"):
    """Return a text that no other test uses."""
    return f"{word}-{next(_NUMBERS):05d}"


@dataclass(frozen=True)
class Reply:
    status: int
    body: object
    headers: dict

    @property
    def is_json(self):
        return self.headers.get("content-type", "").startswith("application/json")

    @property
    def reason(self):
        """The X-Status-Reason; None where there is none."""
        return self.headers.get("x-status-reason")


class Server:
    """One sandbox, and a token for it."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.generation = sandbox.instance.generation
        self.base = self.generation.base
        self.sku = self.generation.sku
        self.token = self.sign_in().body["authorizationToken"]

    def sign_in(self, user="admin", password="admin", **headers):  # noqa: S107  the sandbox's own default
        shown = base64.b64encode(f"{user}:{password}".encode()).decode()
        path = "/userSession" if self.generation.renamed_routes else "/App/user"
        sent = {"Authorization": f"Basic {shown}", "Authorization-Token-Only": "true"}
        return self.ask("GET", path, headers={**sent, **headers}, signed=False)

    def ask(self, method, path, body=None, *, query=(), headers=None, signed=True, raw=None, at_root=False):
        sent = {"Content-Type": "application/json", **(headers or {})}
        if signed:
            sent["Authorization-Token"] = self.token
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        pairs = list(query.items()) if isinstance(query, dict) else list(query)
        target = ("" if at_root else self.base) + quote(path) + ("?" + urlencode(pairs) if pairs else "")
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=100)
        try:
            connection.request(method, target, body=data, headers=sent)
            answer = connection.getresponse()
            text = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()
        try:
            return Reply(answer.status, json.loads(text), found)
        except ValueError:
            return Reply(answer.status, text.decode("utf-8", "replace"), found)

    def create(self, entity, **values):
        reply = self.ask("POST", f"/{entity}", values)
        assert reply.status == 200, reply
        return reply.body

    def read(self, entity, record_id, **headers):
        return self.ask("GET", f"/{entity}/{record_id}", headers=headers)

    def change(self, entity, record_id, **values):
        return self.ask("PATCH", f"/{entity}/{record_id}", values)

    def listed(self, entity, where=(), /, **query):
        pairs = [*conditions(where), *query.items()]
        return self.ask("GET", f"/{entity}", query=pairs)

    def upsert(self, *items, **headers):
        path = "/upsert" if self.generation.renamed_routes else "/MassActions/action/upsert"
        body = [{"entity": entity, "payload": payload} for entity, payload in items]
        return self.ask("POST", path, body, headers=headers)

    def product(self, **values):
        return self.create("Product", **{"name": fresh("product"), **values})


def conditions(where, prefix="where"):
    """Write conditions as PHP reads them from a query string."""
    pairs = []
    for number, item in enumerate(where):
        for key, value in item.items():
            name = f"{prefix}[{number}][{key}]"
            if isinstance(value, list) and value and isinstance(value[0], dict):
                pairs += conditions(value, name)
            elif isinstance(value, list):
                pairs += [(f"{name}[{index}]", one) for index, one in enumerate(value)]
            else:
                pairs.append((name, value))
    return pairs


@contextmanager
def serving(generation="2.2", **options):
    with run_in_thread(generation=generation, **options) as sandbox:
        yield Server(sandbox)

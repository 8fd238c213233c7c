import base64
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
from click.testing import CliRunner

from etl.cli.sandbox import command
from etl.sandbox import OpenToOthers, Options, Sandbox, run_in_thread
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from tests.contract.calling import Server, fresh, serving


async def test_it_runs_in_the_loop_of_the_caller(tmp_path):
    async with (
        Sandbox.open(tmp_path / "a.db", generation="2.1") as sandbox,
        aiohttp.ClientSession() as session,
    ):
        shown = base64.b64encode(f"{sandbox.username}:{sandbox.password}".encode()).decode()
        headers = {"Authorization": f"Basic {shown}"}
        async with session.get(f"{sandbox.url}/api/v1/App/user", headers=headers) as reply:
            assert reply.status == 200
            assert "authorizationToken" in await reply.json()


def test_records_and_tokens_stay_in_the_database(tmp_path):
    database = tmp_path / "kept.db"
    with serving(db=database) as server:
        brand, token = server.create("Brand", name="kept"), server.token
    with serving(db=database) as server:
        server.token = token
        assert server.read("Brand", brand["id"]).body["name"] == "kept"


def test_a_snapshot_is_a_state_to_start_from(tmp_path):
    snapshot = tmp_path / "state.sqlite"
    with serving(snapshot=snapshot) as server:
        brand = server.create("Brand", name="prepared")
        record = server.create("File", name="a.txt", fileContents="data:text/plain;base64,aGk=")
    for _ in range(2):
        with serving(from_snapshot=snapshot) as server:
            assert server.read("Brand", brand["id"]).body["name"] == "prepared"
            assert server.ask("GET", f"/downloads/{record['id']}.txt", at_root=True).body == "hi"
            server.ask("DELETE", f"/Brand/{brand['id']}")


def test_a_snapshot_overwrites_nothing(tmp_path):
    existing = tmp_path / "state.sqlite"
    existing.write_bytes(b"mine")
    reply = CliRunner().invoke(command, ["--snapshot", str(existing), "--port", "0"])
    assert reply.exit_code == 2
    assert "exists" in reply.output
    assert existing.read_bytes() == b"mine"


def test_the_schema_comes_from_a_saved_metadata_answer(tmp_path):
    raw = builtin_metadata(GENERATIONS["2.2"])
    raw["entityDefs"]["Gadget"] = {
        "fields": {"name": {"type": "varchar", "required": True}, "power": {"type": "int", "min": 1}}
    }
    raw["scopes"]["Gadget"] = {"type": "Base", "entity": True}
    saved = tmp_path / "metadata.json"
    saved.write_text(json.dumps(raw))
    with serving(metadata=saved) as server:
        gadget = server.create("Gadget", name="g", power=5)
        assert server.read("Gadget", gadget["id"]).body["power"] == 5
        assert server.ask("POST", "/Gadget", {"name": "g", "power": 0}).status == 400


def test_a_database_gets_the_columns_that_a_newer_schema_has(tmp_path):
    database, saved = tmp_path / "a.db", tmp_path / "metadata.json"
    with serving(db=database) as server:
        brand = server.create("Brand", name="b")
    raw = builtin_metadata(GENERATIONS["2.2"])
    raw["entityDefs"]["Brand"]["fields"]["slogan"] = {"type": "varchar"}
    saved.write_text(json.dumps(raw))
    with serving(db=database, metadata=saved) as server:
        server.change("Brand", brand["id"], slogan="new")
        assert server.read("Brand", brand["id"]).body["slogan"] == "new"


def test_workers_handle_so_many_requests_at_a_time():
    with run_in_thread(workers=2, cost_per_request_s=0.05) as sandbox:
        server = Server(sandbox)
        started = time.perf_counter()
        with ThreadPoolExecutor(6) as pool:
            statuses = list(pool.map(lambda _: server.listed("Brand").status, range(6)))
        assert statuses == [200] * 6
        assert time.perf_counter() - started >= 0.15


def test_records_cost_time():
    with run_in_thread(cost_per_record_s=0.02) as sandbox:
        server = Server(sandbox)
        started = time.perf_counter()
        server.upsert(*[("Brand", {"name": fresh()}) for _ in range(5)])
        assert time.perf_counter() - started >= 0.1


def test_a_request_goes_on_when_its_client_has_left():
    with serving(faults="latency=200ms") as server:
        own = fresh("left")
        connection = http.client.HTTPConnection("127.0.0.1", server.sandbox.port)
        headers = {"Authorization-Token": server.token, "Content-Type": "application/json"}
        path, body = f"{server.base}/Brand", json.dumps({"id": own, "name": "x"})
        come = waiting_in(server)
        connection.request("POST", path, body, headers)
        while waiting_in(server) == come:
            time.sleep(0.001)
        connection.close()
        server.sandbox.faults.replace("")
        while server.read("Brand", own).status != 200:
            pass


def waiting_in(server):
    """How many requests have begun to wait for their latency, since the start."""
    return server.sandbox.faults.report()["fired"]["latency"]


class HeldClock:
    """A clock that stands still for who writes, so that a write lasts until it is told to go on."""

    def __init__(self):
        self.is_held, self.asked, self.goes_on = False, threading.Event(), threading.Event()

    def __call__(self):
        if self.is_held and threading.current_thread().name.startswith("sandbox-write"):
            self.asked.set()
            self.goes_on.wait()
        return 1_800_000_000.0


def test_reads_go_on_beside_a_long_write():
    clock = HeldClock()
    with serving(clock=clock) as server, ThreadPoolExecutor(1) as pool:
        many = [("Product", {"name": fresh("p"), "number": str(number)}) for number in range(20)]
        clock.is_held = True
        writing = pool.submit(server.upsert, *many)
        try:
            clock.asked.wait()
            assert [server.listed("Brand", maxSize=1).status for _ in range(3)] == [200] * 3
            assert not writing.done()
        finally:
            clock.goes_on.set()
        assert len(writing.result().body) == 20


def test_the_command_listens_says_how_to_sign_in_and_writes_its_snapshot(tmp_path):
    snapshot = tmp_path / "state.sqlite"
    arguments = [
        "-c",
        "from etl.cli.sandbox import command; command()",
        "--port",
        "0",
        "--snapshot",
        str(snapshot),
    ]
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("sandbox ready at http://127.0.0.1:")
        assert ready.rstrip().endswith("user admin  password admin")
        assert "documentation" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert snapshot.stat().st_size > 0


def test_the_library_refuses_too():
    with pytest.raises(OpenToOthers):
        Sandbox(Options(host="0.0.0.0"))  # noqa: S104  this is refused
    assert not Options(host="::1").is_refused
    assert not Options(host="0.0.0.0", is_open=True).is_refused  # noqa: S104  it is not started


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])  # noqa: S104  these are refused
def test_it_listens_only_on_this_machine_unless_told(host):
    reply = CliRunner().invoke(command, ["--host", host, "--port", "0"])
    assert reply.exit_code == 2
    assert "--i-know-this-is-open" in reply.output


@pytest.mark.parametrize(
    "arguments", [["--faults", "nonsense"], ["--cost-per-request", "5"], ["--generation", "3.0"]]
)
def test_what_cannot_be_read_is_refused(arguments):
    reply = CliRunner().invoke(command, [*arguments, "--port", "0"])
    assert reply.exit_code == 2


def test_a_file_that_is_no_metadata_is_refused(tmp_path):
    saved = tmp_path / "metadata.json"
    saved.write_text("{}")
    reply = CliRunner().invoke(command, ["--metadata", str(saved), "--port", "0"])
    assert reply.exit_code == 2
    assert "entityDefs" in reply.output


def test_the_password_stands_in_no_repr():
    assert "admin" not in repr(Options(username="u"))

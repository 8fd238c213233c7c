import base64
import hashlib
import http.server
import threading

import pytest

from tests.contract.calling import fresh

PICTURE = base64.b64decode("R0lGODlhAgABAAAAACwAAAAAAgABAAACAoRRADs=")


def uri(data):
    return "data:application/octet-stream;base64," + base64.b64encode(data).decode()


def upload(server, data=b"hello", **values):
    return server.create("File", **{"name": fresh("file") + ".txt", "fileContents": uri(data), **values})


def download(server, record):
    if server.generation.addresses == "entry":
        return server.ask("GET", "/", query={"entryPoint": "download", "id": record["id"]}, at_root=True)
    return server.ask("GET", f"/downloads/{record['id']}.{record.get('extension', '')}", at_root=True)


def piece(server, **body):
    path = "/File/createChunk" if server.generation.renamed_routes else "/File"
    return server.ask("POST", path, body)


def test_content_is_stored_measured_and_given_back(server):
    data = fresh("content").encode()
    record = upload(server, data)
    assert record["fileSize"] == len(data)
    assert record["hash"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert record["mimeType"] == "text/plain"
    reply = download(server, record)
    assert (reply.status, reply.body) == (200, data.decode())
    assert server.ask("GET", f"/downloads/{record['id']}.txt", at_root=True, signed=False).status == 401


def test_the_same_content_makes_a_new_file_and_names_the_old_one(server):
    data = fresh("twice").encode()
    first = upload(server, data)
    second = upload(server, data)
    assert "duplicate" not in first
    assert second["id"] != first["id"]
    assert second["duplicate"]["id"] == first["id"]


def test_content_without_its_prefix_is_empty_or_refused_in_1_10(servers):
    body = {"name": "a.txt", "fileContents": base64.b64encode(b"x").decode()}
    assert servers["1.10"].ask("POST", "/File", body).status == 400
    for generation in ("2.1", "2.2", "2.3"):
        assert servers[generation].create("File", **body)["fileSize"] == 0


def test_letters_that_are_no_base64_are_skipped(v2_2):
    assert (
        v2_2.create("File", name="a.txt", fileContents="data:x;base64,aG*Vs-bG8=")["hash"]
        == hashlib.md5(b"hello", usedforsecurity=False).hexdigest()
    )


def test_a_file_needs_content_a_name_and_a_folder_that_exists(server):
    assert server.ask("POST", "/File", {"name": "a.txt"}).status == 400
    assert server.ask("POST", "/File", {"fileContents": uri(b"x")}).status == 400
    assert (
        server.ask(
            "POST", "/File", {"name": "a.txt", "fileContents": uri(b"x"), "folderId": "nowhere"}
        ).status
        == 404
    )
    folder = server.create("Folder", name=fresh("folder"), code=fresh())
    assert upload(server, folderId=folder["id"])["folderId"] == folder["id"]


def test_a_picture_has_thumbnails_and_since_2_1_a_size(server):
    record = upload(server, PICTURE, name=fresh("picture") + ".gif")
    assert record["mimeType"] == "image/gif"
    assert record["smallThumbnailUrl"]
    if server.generation.files_measured:
        assert (record["width"], record["height"]) == (2, 1)


def test_the_ending_of_a_name_stays(server):
    record = upload(server)
    assert server.change("File", record["id"], name=fresh("new") + ".txt").status == 200
    assert server.change("File", record["id"], name="new.pdf").status == 400
    assert server.change("File", record["id"], storageId="elsewhere").status == 400


@pytest.fixture(scope="module")
def web():
    """A web server with a file, a way around to it, and nothing else."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path.startswith("/file")
            self.send_response(302 if self.path == "/moved.txt" else 200 if found else 404)
            if self.path == "/moved.txt":
                self.send_header("Location", "/file.txt")
            self.end_headers()
            if found:
                self.wfile.write(b"from the web " + self.headers.get("X-Key", "").encode())

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        thread = threading.Thread(target=pages.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{pages.server_address[1]}"
        pages.shutdown()
        thread.join()


def test_a_file_comes_from_an_address(server, web):
    record = server.create("File", url=f"{web}/file.txt", urlHeaders={"X-Key": "secret"})
    assert record["name"] == "file.txt"
    assert download(server, record).body == "from the web secret"
    assert server.create("File", name="other.txt", url=f"{web}/moved.txt")["fileSize"] > 0


def test_an_address_that_fails_is_500_and_one_that_is_none_400(server, web):
    assert server.ask("POST", "/File", {"name": "a.txt", "url": f"{web}/missing"}).status == 500
    assert server.ask("POST", "/File", {"name": "a.txt", "url": "not an address"}).status == 400
    assert server.ask("POST", "/File", {"url": f"{web}/file"}).status == 400
    assert server.ask("POST", "/File", {"name": "a.txt", "url": "file:///etc/hosts"}).status == 400


def test_pieces_may_come_in_any_order_and_twice(server):
    own, parts = fresh("pieces"), {0: b"abc", 3: b"def", 6: b"g"}
    common = {"id": own, "name": "p.txt", "fileUniqueHash": own, "piecesCount": 3}
    for start, listed in ((6, ["6"]), (0, ["0", "6"]), (0, ["0", "6"])):
        assert piece(server, **common, start=start, piece=uri(parts[start])).body == {"chunks": listed}
    last = piece(server, **common, start=3, piece=uri(parts[3])).body
    assert last["chunks"] == ["0", "3", "6"]
    assert last["id"] == own
    assert download(server, last).body == "abcdefg"


def test_a_piece_after_the_end_says_created(server):
    own = fresh("late")
    common = {"id": own, "name": "p.txt", "fileUniqueHash": own, "piecesCount": 1, "piece": uri(b"x")}
    piece(server, **common, start=0)
    assert piece(server, **common, start=0).body == {"created": True, "chunks": ["0"]}


def test_a_count_in_quotes_never_ends(server):
    own = fresh("quoted")
    reply = piece(server, id=own, name="p.txt", fileUniqueHash=own, piecesCount="1", start=0, piece=uri(b"x"))
    assert reply.body == {"chunks": ["0"]}
    assert server.read("File", own).status == 404


def test_pieces_that_overlap_or_leave_gaps_go_unnoticed(server):
    own = fresh("gap")
    common = {"id": own, "name": "p.txt", "fileUniqueHash": own, "piecesCount": 2}
    piece(server, **common, start=0, piece=uri(b"abc"))
    last = piece(server, **common, start=1000, piece=uri(b"xyz")).body
    assert download(server, last).body == "abcxyz"


def test_pieces_without_a_hash_land_beside_the_others(server):
    other = fresh("others")
    piece(server, id=fresh(), name="o.txt", fileUniqueHash=other, piecesCount=9, start=0, piece=uri(b"x"))
    reply = piece(
        server, id=fresh(), name="p.txt", fileUniqueHash=None, piecesCount=9, start=0, piece=uri(b"x")
    )
    assert {"0", other} <= set(reply.body["chunks"])


def test_left_pieces_mix_with_a_later_upload_of_the_same_hash(server):
    same = fresh("same")
    piece(server, id=fresh(), name="a.txt", fileUniqueHash=same, piecesCount=9, start=5, piece=uri(b"OLD"))
    last = piece(
        server, id=fresh(), name="b.txt", fileUniqueHash=same, piecesCount=2, start=0, piece=uri(b"new")
    ).body
    assert download(server, last).body == "newOLD"


def test_a_piece_needs_an_id(server):
    assert (
        piece(
            server, id=None, name="p.txt", fileUniqueHash="h", piecesCount=1, start=0, piece=uri(b"x")
        ).status
        == 400
    )


def reupload(server, file_id, **body):
    if server.generation.renamed_routes:
        return server.ask("PATCH", f"/File/{file_id}/reupload", body)
    return server.ask("POST", "/File", {"reupload": file_id, **body})


def test_replacing_keeps_the_id(server):
    record = upload(server, b"old")
    reply = reupload(server, record["id"], fileContents=uri(b"newer"), name=fresh("n") + ".txt")
    assert reply.body["id"] == record["id"]
    assert reply.body["fileSize"] == 5
    assert download(server, reply.body).body == "newer"
    assert reupload(server, record["id"]).status == 400
    assert reupload(server, "nobody", fileContents=uri(b"x")).status == 404


def test_replacing_only_the_content_changes_nothing_in_1_10(v1_10):
    record = upload(v1_10, b"old")
    assert reupload(v1_10, record["id"], name=record["name"], fileContents=uri(b"newer")).status == 304
    forced = reupload(v1_10, record["id"], _skipIsEntityUpdated=True, fileContents=uri(b"newer"))
    assert forced.body["fileSize"] == 5


def test_the_reupload_action_wants_content(v2_2):
    record = upload(v2_2, b"old")
    assert (
        v2_2.ask("PUT", "/File/action/reupload", {"reupload": record["id"], "fileContents": uri(b"n")}).body[
            "fileSize"
        ]
        == 1
    )
    assert v2_2.ask("PUT", "/File/action/reupload", {"reupload": record["id"]}).status == 400


def test_a_shared_file_needs_no_sign_in_until_it_is_used_up(server):
    record = upload(server, b"shared")
    sharing = server.create("Sharing", fileId=record["id"], name="s", allowedUsage=2)
    path = sharing["link"].partition(str(server.sandbox.port))[2]
    for status in (200, 200, 403):
        assert server.ask("GET", path, at_root=True, signed=False).status == status
    closed = server.create("Sharing", fileId=record["id"], active=False)
    path = closed["link"].partition(str(server.sandbox.port))[2]
    assert server.ask("GET", path, at_root=True, signed=False).status == 404
    over = server.create("Sharing", fileId=record["id"], validTill="2020-01-01 00:00:00")
    assert (
        server.ask(
            "GET", over["link"].partition(str(server.sandbox.port))[2], at_root=True, signed=False
        ).status
        == 403
    )


def test_sharing_in_one_step(servers):
    assert upload(servers["2.2"], share=True)["sharedUrl"].startswith("http://")
    record = upload(servers["2.3"])
    assert servers["2.3"].ask("POST", f"/File/{record['id']}/createSharedUrl", {}).body["sharedUrl"]


def test_a_deleted_file_is_gone(server):
    record = upload(server)
    assert server.ask("DELETE", f"/File/{record['id']}").body is True
    assert download(server, record).status == 404

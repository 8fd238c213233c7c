"""What each answer means. Shapes and statuses are those that were observed; texts are invented."""

from __future__ import annotations

import orjson
import pytest

from etl import errors
from etl.api import answers
from etl.api.generations import GENERATIONS
from etl.api.wire import Answer, ItemAnswer, ItemKind, Page, Request

ASKED = Request("POST", "MassActions/action/upsert")


def json(value, status=200, **more):
    return Answer(status, "application/json; charset=utf-8", orjson.dumps(value), **more)


def html(text, status, **more):
    return Answer(status, "text/html;charset=UTF-8", text.encode(), **more)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (html("Wrong colour.", 400, reason="Wrong colour."), errors.Refused),
        (html("", 403), errors.Refused),
        (html("", 404), errors.Refused),
        (html("", 409), errors.Refused),
        (html("<html>too large</html>", 413), errors.TooLarge),
        (html("<html>too long</html>", 414), errors.TooLarge),
        (html("", 429, retry_after_s=3.0), errors.ServerFailed),
        (html("", 500), errors.ServerFailed),
        (html("<html>gateway</html>", 502), errors.ServerFailed),
        (html("", 503), errors.ServerFailed),
        (html("", 504), errors.ServerFailed),
        (html("the database says no", 200, reason="the database says no"), errors.DatabaseRefused),
        (json([], reason="the database says no"), errors.DatabaseRefused),
        (html("<html>welcome</html>", 200), errors.AnswerUnusable),
        (Answer(200, "application/json", b'[{"status": "Crea'), errors.AnswerUnusable),
        (Answer(200, "application/json", b""), errors.AnswerUnusable),
        (Answer(302, "", b"", location="https://elsewhere.example/login"), errors.Refused),
    ],
)
def test_what_is_no_success_is_an_error_of_its_kind(answer, expected):
    with pytest.raises(expected) as caught:
        answers.read_json(ASKED, answer)
    assert type(caught.value) is expected
    assert caught.value.status == answer.status
    assert caught.value.retry_after_s == answer.retry_after_s


@pytest.mark.parametrize(
    ("status", "may_be_done"),
    [
        (400, False),
        (403, False),
        (413, False),
        (414, False),
        (302, False),
        (429, True),
        (500, True),
        (504, True),
    ],
)
def test_an_error_tells_whether_anything_may_have_been_carried_out(status, may_be_done):
    assert answers.failure(ASKED, html("", status)).may_be_done is may_be_done


def test_unchanged_is_no_error():
    assert answers.read_json(ASKED, Answer(304, "", b"")) is None


def test_an_html_page_is_not_shown_as_a_reason():
    assert str(answers.failure(ASKED, html("<html><body>x</body></html>", 502))) == f"{ASKED} answered 502"


def test_foreign_text_cannot_move_the_cursor_or_fill_the_screen():
    nasty = "\x1b[2Jgone\r\n\u202eevil\x9b" + "x" * 2000
    shown = answers.plain(nasty)
    assert shown.startswith("[2Jgone evil xxx")
    assert len(shown) == answers.SHOWN_CHARACTERS


def test_redirects_are_told_and_not_followed():
    failure = answers.failure(ASKED, Answer(301, "", b"", location="https://pim.example/"))
    assert "redirect to https://pim.example/" in str(failure)


@pytest.mark.parametrize(
    ("generation", "answer", "is_missing"),
    [
        ("1.10", html("", 404), True),
        ("2.1", html("", 404), True),
        ("2.1", html("No such thing", 404, reason="No such thing"), False),
        ("2.3", html("Not there", 404, reason="Not there"), True),
        ("2.3", html("<html>404</html>", 404), False),
        ("2.1", html("<html><head>404</head></html>", 404), False),
        ("2.1", json({"id": "a"}), False),
    ],
)
def test_a_missing_record_is_told_from_a_missing_entity_or_route(generation, answer, is_missing):
    assert answers.is_missing_record(answer, GENERATIONS[generation]) is is_missing


ITEMS = [
    pytest.param(
        {"status": "Created", "stored": True, "entity": {"id": "b1", "modifiedAt": "2026-01-02 03:04:05"}},
        ItemAnswer(ItemKind.CREATED, modified_at="2026-01-02 03:04:05"),
        id="created",
    ),
    pytest.param(
        {"status": "Updated", "stored": True, "entity": {"id": 12345}},
        ItemAnswer(ItemKind.UPDATED),
        id="updated, a number as id",
    ),
    pytest.param(
        {"status": "NotModified", "stored": True}, ItemAnswer(ItemKind.UNCHANGED), id="2.1 unchanged"
    ),
    pytest.param(
        {"status": "Failed", "stored": False, "message": "Code: 304. Message: "},
        ItemAnswer(ItemKind.UNCHANGED),
        id="1.10 unchanged",
    ),
    pytest.param(
        {"status": "Failed", "stored": False, "message": "Code: 400. Message: Name fehlt."},
        ItemAnswer(ItemKind.FAILED, code=400, text="Name fehlt."),
        id="refused",
    ),
    pytest.param(
        {"status": "Failed", "stored": False, "message": "no service of that name"},
        ItemAnswer(ItemKind.FAILED, text="no service of that name"),
        id="refused without a code",
    ),
    pytest.param(
        {"entity": "Brand", "id": "b2", "stored": True, "status": "NotModified"},
        ItemAnswer(ItemKind.UNCHANGED),
        id="2.3 unchanged",
    ),
    pytest.param(
        {"entity": "Brand", "id": "b3", "stored": True, "status": "Created"},
        ItemAnswer(ItemKind.CREATED),
        id="2.3 created",
    ),
    pytest.param(
        {"entity": "Brand", "id": "b4", "stored": False, "status": "Failed", "code": 409, "message": "name"},
        ItemAnswer(ItemKind.FAILED, code=409, text="name"),
        id="2.3 conflict",
    ),
    pytest.param(
        {"status": "Failed", "stored": False, "code": 304, "message": ""},
        ItemAnswer(ItemKind.UNCHANGED),
        id="2.3 unchanged, as a failure",
    ),
    pytest.param(
        {"status": "Failed", "stored": False, "message": None}, ItemAnswer(ItemKind.FAILED), id="no message"
    ),
]


@pytest.mark.parametrize(("item", "expected"), ITEMS)
def test_an_item_of_a_bulk_upsert_is_read_by_its_shape(item, expected):
    assert answers.read_items(ASKED, json([item]), count=1) == [expected]


def test_items_that_ended_otherwise_are_read_together():
    values, expected = zip(*(param.values for param in ITEMS), strict=True)
    assert answers.read_items(ASKED, json(list(values)), count=len(values)) == list(expected)


@pytest.mark.parametrize("moment", [5, None, ["2026-01-01 00:00:00"]])
def test_a_moment_that_is_no_text_is_none(moment):
    item = {"status": "Created", "entity": {"id": "b1", "modifiedAt": moment}}
    assert answers.read_items(ASKED, json([item]), count=1) == [ItemAnswer(ItemKind.CREATED)]


@pytest.mark.parametrize(
    "value", [[], [{"status": "Created"}] * 3, {"jobId": "j1"}, [{"status": "Perhaps"}, 5], ["Created", None]]
)
def test_an_answer_of_another_shape_or_length_is_unusable(value):
    with pytest.raises(errors.AnswerUnusable):
        answers.read_items(ASKED, json(value), count=2)


def test_a_page_tells_how_many_there_are_where_the_server_counts():
    assert answers.read_page(ASKED, json({"total": 7, "list": [{"id": "a"}]})) == Page(7, [{"id": "a"}])
    assert answers.read_page(ASKED, json({"total": 7})) == Page(7, [])
    assert answers.read_page(ASKED, json({"total": -1, "list": []})).total is None
    assert answers.read_page(ASKED, json({"list": []})).total is None


@pytest.mark.parametrize("value", [[], {"rows": []}, {"total": "many"}, {"list": "none"}, None, 5])
def test_what_is_no_list_is_unusable(value):
    with pytest.raises(errors.AnswerUnusable):
        answers.read_page(ASKED, json(value))


@pytest.mark.parametrize("value", [{}, {"authorizationToken": ""}, {"authorizationToken": 5}, [], None])
def test_a_sign_in_without_a_token_is_unusable(value):
    with pytest.raises(errors.AnswerUnusable):
        answers.read_token(ASKED, json(value))


def test_a_session_tells_user_version_limits_and_rights():
    session = answers.read_session(
        ASKED,
        json(
            {
                "user": {"userName": "etl", "isAdmin": False},
                "settings": {"coreVersion": "2.2.31"},
                "appParams": {"maxUploadSize": 8},
                "acl": {"table": {"Product": {"create": "yes"}}},
            }
        ),
    )
    assert session.user == "etl"
    assert session.version == "2.2.31"
    assert session.max_upload_mib == 8
    assert session.acl == {"Product": {"create": "yes"}}


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), ("", None), ("soon", None), ("-1", None)])
def test_retry_after_is_read_where_it_counts_seconds(text, seconds):
    assert answers.read_retry_after(text) == seconds

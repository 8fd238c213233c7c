"""Whatever is done to a sandbox, what it says fits together."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.sandbox.instance import Instance, Session
from etl.sandbox.listing import list_linked, list_records
from etl.sandbox.metadata import read_schema
from etl.sandbox.reading import read_one
from etl.sandbox.records import update
from etl.sandbox.refusals import Refusal
from etl.sandbox.removing import delete, restore
from etl.sandbox.upserts import Batch

IDS = st.sampled_from(["p1", "p2", "p3", "p4"])
CHANNELS = st.lists(st.sampled_from(["c1", "c2", "c3", "nowhere"]), max_size=3)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "price": st.one_of(st.none(), st.floats(-1e6, 1e6), TEXTS),
        "isActive": st.one_of(st.booleans(), st.integers(0, 2)),
        "tag": st.lists(TEXTS, max_size=3),
        "brandId": st.sampled_from(["b1", "b2", "nowhere", None]),
        "channelsIds": CHANNELS,
        "channelsAddOnlyMode": st.sampled_from([0, 1]),
        "parentId": st.sampled_from(["p1", "p2", None]),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), IDS, PAYLOADS),
        st.tuples(st.just("patch"), IDS, PAYLOADS),
        st.tuples(st.just("delete"), IDS, st.just({})),
        st.tuples(st.just("restore"), IDS, st.just({})),
        st.tuples(st.just("delete_channel"), st.sampled_from(["c1", "c2"]), st.just({})),
    ),
    max_size=12,
)


def do(session, step, record_id, payload):
    if step == "upsert":
        Batch(session).run([{"entity": "Product", "payload": {"name": "n", **payload, "id": record_id}}])
        return
    try:
        if step == "patch":
            update(session, "Product", record_id, payload)
        elif step == "restore":
            restore(session, "Product", record_id)
        else:
            delete(session, "Channel" if step == "delete_channel" else "Product", record_id)
    except Refusal:
        pass


@given(generation=st.sampled_from(["2.1", "2.2", "2.3"]), steps=STEPS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_was_stored_fits_together_after_any_sequence(tmp_path_factory, generation, steps):
    made = GENERATIONS[generation]
    path = tmp_path_factory.mktemp("consistent") / "a.db"
    instance = Instance(
        path, made, schema=read_schema(builtin_metadata(made)), seed=1, clock=lambda: 1_700_000_000.0
    )
    try:
        session = Session(instance, instance.writer)
        Batch(session).run(
            [
                {"entity": "Channel", "payload": {"id": one, "name": one, "code": one}}
                for one in ("c1", "c2", "c3")
            ]
        )
        for step, record_id, payload in steps:
            do(session, step, record_id, payload)
            instance.writes += 1
        check(session)
    finally:
        instance.close()


def check(session):
    page = list_records(session, "Product", {"maxSize": "1000"})
    records = page["list"]
    live = {record["id"] for record in records}
    assert page["total"] == len(records) == len(live)
    for record in records:
        alone = read_one(session, "Product", record["id"])
        assert {key: alone[key] for key in record} == record
        linked = list_linked(session, "Product", record["id"], link_name="channels", query={})
        channels = [channel["id"] for channel in linked["list"]]
        assert linked["total"] == len(channels) == len(set(channels))
        assert alone["parentId"] in {None, *live}
    channels = {record["id"] for record in list_records(session, "Channel", {})["list"]}
    for record in records:
        linked = list_linked(session, "Product", record["id"], link_name="channels", query={})
        assert {channel["id"] for channel in linked["list"]} <= channels
    pairs = session.rows('SELECT "productId", "channelId" FROM "ProductChannel" WHERE deleted = 0')
    assert len(pairs) == len(set(pairs))
    for condition in ("isNull", "isNotNull"):
        where = [{"type": condition, "attribute": "brandId"}]
        found = list_records(session, "Product", {"where": where})
        assert found["total"] == sum(
            (record["brandId"] is None) == (condition == "isNull") for record in records
        )


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_a_text_is_found_by_itself_and_comes_back_as_it_was(shelf, text):
    session = shelf
    Batch(session).run([{"entity": "Brand", "payload": {"id": "one", "name": text}}])
    session.instance.writes += 1
    assert read_one(session, "Brand", "one")["name"] == text
    assert (
        list_records(session, "Brand", {"where": [{"type": "equals", "attribute": "name", "value": text}]})[
            "total"
        ]
        == 1
    )


@given(number=st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=40, deadline=None)
def test_a_float_comes_back_as_it_was_and_again_changes_nothing(shelf, number):
    session = shelf
    Batch(session).run([{"entity": "Product", "payload": {"id": "one", "name": "n", "price": number}}])
    assert read_one(session, "Product", "one")["price"] == number
    again = Batch(session).run([{"entity": "Product", "payload": {"id": "one", "price": number}}])
    assert again[0]["status"] == "NotModified"

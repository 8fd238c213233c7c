"""A stopped import goes on as it was begun, whatever `resume` is called with."""

from __future__ import annotations

import json

import etl

MAPPING = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n"


def test_source_options_rows_and_drift_are_those_of_the_beginning(sandbox_in_thread, tmp_path):
    (tmp_path / "m.yaml").write_text(MAPPING)
    rows = "".join(f"{i};Name {i}\n" for i in range(20))
    # Read without its options this has another header, and another delimiter is found.
    (tmp_path / "feed.csv").write_text(f"Prices of the week, all, in euro, net\nNo;Name\n{rows}")
    asked = []

    def after_two():
        asked.append(1)
        return len(asked) > 2

    options = etl.ReadOptions(header_row=2, delimiter=";")
    limits = etl.Limits(batch_rows=4, in_flight=1)
    url, state = sandbox_in_thread.url, {"state_dir": tmp_path / "state"}
    with etl.connect(url, username="admin", password="admin", limits=limits) as pim:
        stopped = etl.import_table(
            tmp_path / "feed.csv",
            tmp_path / "m.yaml",
            pim,
            rows=(3, 18),
            read_options=options,
            on_drift="skip",
            reads_all_back=True,
            refreshes=True,
            verify_fraction=0.5,
            is_stopping=after_two,
            **state,
        )
        assert stopped.status == "stopped"
        assert 0 < stopped.rows.created < 16
        whole = etl.resume(None, pim, **state)
        assert (whole.status, whole.rows.read, whole.rows.created) == ("ok", 16, 16)
    (run,) = (tmp_path / "state" / "runs").glob("*/run.json")
    said = json.loads(run.read_text())["options"]
    assert (said["on_drift"], said["reads_all_back"]) == ("skip", True)
    assert (said["refreshes"], said["verify_fraction"]) == (True, 0.5)
    assert said["read"] == {"header_row": 2, "delimiter": ";"}

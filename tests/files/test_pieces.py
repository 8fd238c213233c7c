import asyncio
from dataclasses import replace

import pytest

from etl.errors import RightsLost, ServerGone
from etl.files import FileStatus, Wanted
from tests.api.clock import Clock
from tests.files.store import GENERATIONS, PIECE, content, made, md5, records, sent, stored, uploads


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_a_large_file_goes_in_pieces_and_arrives_as_it_is(sandbox, pim, tmp_path):
    path = made(tmp_path / "film.bin", 10 * PIECE + 7)
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert one.status is FileStatus.UPLOADED
    assert stored(sandbox, one.file_id) == path.read_bytes()
    assert sent(sandbox) == 11
    assert [record["id"] for record in await records(pim)] == [one.file_id]


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
@pytest.mark.parametrize("size", [PIECE // 2, 9 * PIECE])
async def test_two_runs_that_upload_the_same_file_at_once_make_one_record(sandbox, pim, tmp_path, size):
    path = made(tmp_path / "film.bin", size)
    with uploads(pim, tmp_path / "a") as one, uploads(pim, tmp_path / "b") as other:
        both = await asyncio.gather(one.ensure([Wanted(path)]), other.ensure([Wanted(path)]))
    assert len({stored[0].file_id for stored in both}) == len(await records(pim)) == 1
    assert stored(sandbox, both[0][0].file_id) == path.read_bytes()


FAULTS = (
    "reset=@5",
    "reset_after_commit=@12",
    "http502=2x",
    "truncate=@9",
    "expire_token=@6",
    "sql200=@8",
    "http500=0.15",
    "reset=0.1,reset_after_commit=0.1,truncate=0.1,page_html=0.03,http429=0.05",
)


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("sandbox", ["2.1", "2.3"], indirect=True)
async def test_whatever_happens_to_requests_the_bytes_arrive_once(sandbox, pim, tmp_path, faults):
    files = [Wanted(made(tmp_path / f"{size}.bin", size, seed=size)) for size in (1, 999, 1000, 1001, 12_345)]
    sandbox.faults.replace(faults, 7)
    with uploads(pim, tmp_path) as running:
        all_ = await running.ensure(files)
    sandbox.faults.replace("")
    for one in all_:
        assert one.status is not FileStatus.FAILED, one.flaw
        assert stored(sandbox, one.file_id) == one.wanted.source.read_bytes()
    assert len(await records(pim)) == len(files)


async def test_pieces_that_are_there_are_not_sent_again(sandbox, pim, tmp_path):
    path = made(tmp_path / "film.bin", 20 * PIECE)
    left = iter(range(13))
    with (
        pytest.raises(Exception, match="interrupted"),
        uploads(pim, tmp_path, is_stopping=lambda: next(left, None) is None) as running,
    ):
        await running.ensure([Wanted(path)])
    before = sent(sandbox)
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert 5 < before < 20
    # The first piece goes again: its answer tells which others are there.
    assert sent(sandbox) - before <= 20 - before + 1
    assert stored(sandbox, one.file_id) == path.read_bytes()


async def test_pieces_of_another_size_do_not_mix_in(sandbox, pim, tmp_path):
    path = made(tmp_path / "film.bin", 20 * PIECE)
    left = iter(range(8))
    with (
        pytest.raises(Exception, match="interrupted"),
        uploads(pim, tmp_path, piece_bytes=700, is_stopping=lambda: next(left, None) is None) as running,
    ):
        await running.ensure([Wanted(path)])
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert stored(sandbox, one.file_id) == path.read_bytes()


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
async def test_what_is_stored_differently_is_removed_and_sent_anew(sandbox, pim, tmp_path):
    path = made(tmp_path / "film.bin", 5 * PIECE)
    with uploads(pim, tmp_path) as running:
        spoiled = spoil_the_third_piece(sandbox)
        (one,) = await running.ensure([Wanted(path)])
        assert spoiled()
    assert one.status is FileStatus.UPLOADED
    assert stored(sandbox, one.file_id) == path.read_bytes()
    assert len(await records(pim)) == 1


def spoil_the_third_piece(sandbox):
    """Let the server keep other bytes than came, once."""
    sandbox.instance.writer.executescript(
        """CREATE TEMP TABLE spoiled (start);
        CREATE TEMP TRIGGER spoil AFTER INSERT ON main._piece
        WHEN NEW.start = '2000' AND NOT EXISTS (SELECT 1 FROM temp.spoiled) BEGIN
          INSERT INTO spoiled VALUES (NEW.start);
          UPDATE _piece SET content = x'00' WHERE file_hash = NEW.file_hash AND start = NEW.start;
        END;"""
    )
    return lambda: sandbox.instance.writer.execute("SELECT count(*) FROM temp.spoiled").fetchone()[0] == 1


async def test_a_server_that_always_stores_other_bytes_is_a_failure_of_the_file(sandbox, pim, tmp_path):
    sandbox.instance.writer.executescript(
        """CREATE TEMP TRIGGER spoil AFTER INSERT ON main._piece WHEN NEW.start = '1000' BEGIN
          UPDATE _piece SET content = x'00' WHERE file_hash = NEW.file_hash AND start = NEW.start;
        END;"""
    )
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(made(tmp_path / "film.bin", 5 * PIECE))])
    assert (one.status, one.flaw.code, one.file_id) == (FileStatus.FAILED, "file_damaged", "")
    assert await records(pim) == []


async def test_a_piece_that_the_server_loses_is_sent_again(sandbox, pim, tmp_path):
    sandbox.instance.writer.executescript(
        """CREATE TEMP TABLE lost (start);
        CREATE TEMP TRIGGER lose AFTER INSERT ON main._piece
        WHEN NEW.start IN ('2000', '4000') AND NEW.start NOT IN (SELECT start FROM temp.lost) BEGIN
          INSERT INTO lost VALUES (NEW.start);
          DELETE FROM _piece WHERE file_hash = NEW.file_hash AND start = NEW.start;
        END;"""
    )
    path = made(tmp_path / "film.bin", 7 * PIECE)
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert stored(sandbox, one.file_id) == path.read_bytes()


async def test_a_file_that_changes_while_it_is_sent_arrives_as_it_became(sandbox, pim, tmp_path):
    path = made(tmp_path / "film.bin", 6 * PIECE)
    asked = 0

    def changes() -> bool:
        nonlocal asked
        asked += 1
        if asked == 5:
            path.write_bytes(content(6 * PIECE, seed=2))
        return False

    with uploads(pim, tmp_path, is_stopping=changes) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert (one.status, one.md5) == (FileStatus.UPLOADED, md5(path.read_bytes()))
    assert stored(sandbox, one.file_id) == path.read_bytes()
    assert len(await records(pim)) == 1


async def test_a_file_that_never_rests_is_a_failure(pim, tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"line\n" * 300)

    def grows() -> bool:
        with path.open("ab") as file:
            file.write(b"another line\n")
        return False

    with uploads(pim, tmp_path, is_stopping=grows) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert (one.status, one.flaw.code) == (FileStatus.FAILED, "file_changed")
    assert await records(pim) == []


@pytest.mark.parametrize("sandbox", [{"faults": "max_body=200KB"}], indirect=True)
async def test_pieces_get_smaller_until_the_server_takes_them_and_stay_so(sandbox, pim, tmp_path):
    path = made(tmp_path / "film.bin", 600_000)
    with uploads(pim, tmp_path, piece_bytes=1 << 19) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert stored(sandbox, one.file_id) == path.read_bytes()
    refused = sum(seen.status == 413 for seen in sandbox.requests)
    with uploads(pim, tmp_path, piece_bytes=1 << 19) as running:
        await running.ensure([Wanted(made(tmp_path / "other.bin", 300_000, seed=3))])
    assert sum(seen.status == 413 for seen in sandbox.requests) == refused > 0


@pytest.mark.parametrize("sandbox", GENERATIONS, indirect=True)
@pytest.mark.parametrize("size", [PIECE, 6 * PIECE])
async def test_a_lost_answer_to_the_last_request_is_no_second_file(sandbox, pim, tmp_path, size):
    with uploads(pim, tmp_path) as running:
        before = len(sandbox.requests)
        await running.ensure([Wanted(made(tmp_path / "a.bin", size, seed=1))])
        seen = [one.method for one in list(sandbox.requests)[before:]]
    last = len(seen) - seen[::-1].index("POST")
    sandbox.faults.replace(f"reset_after_commit=@{last}")
    path = made(tmp_path / "b.bin", size, seed=2)
    with uploads(pim, tmp_path / "other") as running:
        (one,) = await running.ensure([Wanted(path)])
    assert sandbox.faults.report()["fired"] == {"reset_after_commit": 1}
    assert one.status is FileStatus.UPLOADED
    assert stored(sandbox, one.file_id) == path.read_bytes()
    assert len(await records(pim)) == 2


@pytest.mark.parametrize(("fault", "error"), [("http403", RightsLost), ("reset", ServerGone)])
async def test_a_server_that_ends_the_run_ends_it_in_good_order(sandbox, pim, tmp_path, fault, error):
    asked = []

    def spoils() -> bool:
        asked.append(1)
        if len(asked) == 4:
            sandbox.faults.replace(fault)
        return False

    path = made(tmp_path / "film.bin", 6 * PIECE)
    with pytest.raises(error), uploads(pim, tmp_path, is_stopping=spoils) as running:
        await running.ensure([Wanted(path)])
    sandbox.faults.replace("")
    with uploads(pim, tmp_path) as running:
        (one,) = await running.ensure([Wanted(path)])
    assert stored(sandbox, one.file_id) == path.read_bytes()


async def test_a_server_that_asks_for_more_patience_than_there_is_gets_no_further_piece(
    sandbox, pim, tmp_path
):
    clock, asked = Clock(), []
    pim.retry, pim.limits = clock.retry(), replace(pim.limits, silence_s=0.5)

    def spoils() -> bool:
        asked.append(1)
        if len(asked) == 4:
            # Its Retry-After is a second.
            sandbox.faults.replace("http503")
        return False

    path = made(tmp_path / "film.bin", 6 * PIECE)
    with (
        pytest.raises(ServerGone, match="the next try would be in 1 seconds"),
        uploads(pim, tmp_path, is_stopping=spoils) as running,
    ):
        await running.ensure([Wanted(path)])
    assert clock.pauses == []


async def test_progress_is_told_by_files_and_bytes(pim, tmp_path):
    clock = iter(range(10_000))
    pim.retry = replace(pim.retry, now=lambda: float(next(clock)))
    told = []
    files = [Wanted(made(tmp_path / f"{n}.bin", 5 * PIECE, seed=n)) for n in range(3)]
    with uploads(pim, tmp_path, listener=told.append) as running:
        await running.ensure(files)
    assert (told[-1].phase, told[-1].rows, told[-1].rows_total) == ("upload", 3, 3)
    assert told[-1].bytes_done == 15 * PIECE
    shares = [one.file_bytes_done / one.file_bytes for one in told if one.file]
    assert {0.2, 1.0} <= set(shares) <= {0.2, 0.4, 0.6, 0.8, 1.0}

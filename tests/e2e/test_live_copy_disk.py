"""The data directory has no more room while a stream comes in: what is there is read, the reason is said, and with room again all goes on."""

import time

import pytest

from conftest import Weir
from copied import Copied
from history import History
from small_disk import small_disk

TABLES = ["accounts", "items", "progress"]


@pytest.fixture
def database(fresh_database):
    return fresh_database


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 64) as disk:
        yield disk


@pytest.fixture
def weir(postgres, disk):
    weir = Weir(directory=disk.place, environment={"PG_PROD_PASSWORD": postgres.password}, command=disk.command).start()
    yield weir
    disk.clear()
    weir.delete("/v1/connectors/pg")
    weir.stop()


@pytest.fixture
def history(postgres, database, seed):
    with History(postgres.database_url(database), seed, rows=2_000) as history:
        yield history


def says_full(copy, disk):
    status = copy.status()
    return status["status"] == "errored" and "disk_full" in status["last_error"] and str(disk.place) in status["last_error"]


def whole(copy, history, weir):
    copy.wait(lambda: history.check(weir) == history.n, 60, "the copy has the whole history")
    for table in copy.phases():
        found = weir.post(f"/v1/connectors/pg/verify?table=public.{table}").json()
        assert found["equal"], found


def test_a_full_disk_stops_the_stream_for_a_while(postgres, database, weir, disk, history):
    copy = Copied(weir, postgres, database, TABLES)
    copy.wait_streaming()
    history.start()
    for left in (0, history.chance.randrange(1_000_000), history.chance.randrange(100_000)):
        landed = history.check(weir)
        copy.wait(lambda: history.check(weir) > landed + 50, 20, "changes land")
        disk.leave(left)
        copy.wait(lambda: says_full(copy, disk), 60, "the disk is full")
        asked, deadline = 0, time.monotonic() + 1
        while time.monotonic() < deadline:
            landed = history.check(weir)
            asked += 1
        assert asked > 1 and history.n > landed, "queries are answered while the source goes on"
        assert any("disk_full" in event["reason"] for event in copy.events())
        disk.clear()
        copy.wait_streaming(60)
    history.stop()
    whole(copy, history, weir)
    weir.stop()
    weir.start()
    assert history.check(weir) == history.n


def test_neither_a_snapshot_nor_a_large_transaction_finds_room(postgres, database, weir, disk, history):
    with postgres.connect(database) as source:
        source.execute("CREATE TABLE large (i bigint PRIMARY KEY, noise text);"
                       "INSERT INTO large SELECT i, md5(i::text) || md5((-i)::text) || md5((i * 7)::text) FROM generate_series(1, 200000) i")
    disk.leave(8 << 20)
    copy = Copied(weir, postgres, database, [*TABLES, "large"], spill_memory_mb=1)
    copy.wait(lambda: "disk_full" in (copy.table("large")["last_error"] or ""), 60, "the snapshot finds no room")
    assert copy.table("large")["phase"] != "streaming" and not copy.table("large")["readable"]
    copy.wait(lambda: all(copy.phases()[table] == "streaming" for table in TABLES), 60, "the others stream")
    history.check(weir)
    disk.clear()
    copy.wait_streaming(60)
    disk.leave(4 << 20)
    with postgres.connect(database) as source:
        source.execute("UPDATE large SET noise = md5(noise) || md5('x' || noise) || md5(i::text)")
    copy.wait(lambda: says_full(copy, disk), 60, "the transaction finds no room")
    history.check(weir)
    disk.clear()
    history.start()
    copy.wait_streaming(60)
    history.stop()
    whole(copy, history, weir)

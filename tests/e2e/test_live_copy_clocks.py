"""Somebody sets a clock, Weir's or the source's, while a copy is kept: nothing is lost, nothing young is taken for old, no wait goes wrong."""

import glob
import threading
import time

import pytest

from conftest import SANITIZED, Weir
from copied import Copied
from history import History
from source_faults import Network, OwnPostgres

TABLES = ["accounts", "items", "progress"]
# Set forward and back, by hours; the last one is right again.
JUMPS = ["+5h", "-7h", "+30h", "+0"]


class Clock:
    """The time of day of the programs that run with `environment`; how time passes stays as it is."""

    def __init__(self, file):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        assert libraries, "./dev setup installs libfaketime"
        self.file = file
        self.set("+0")
        self.environment = {"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}

    def set(self, offset):
        new = self.file.with_suffix(".new")
        new.write_text(offset + "\n")
        new.chmod(0o644)
        new.replace(self.file)


pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer's library wants to be the first")


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


@pytest.fixture
def database(fresh_database):
    return fresh_database


@pytest.fixture
def history(postgres, database, seed):
    with History(postgres.database_url(database), seed, rows=2_000) as history:
        yield history


def lags(weir, copy):
    yield copy.status()["lag_seconds"]
    yield from (table["lag_seconds"] for table in copy.status()["tables"])
    yield from (lag for [lag] in weir.rows("SELECT lag_seconds FROM kyma_connector_health"))
    yield from (entry["lag_seconds"] for entry in weir.query("SELECT count(*) FROM pg.public.items")["freshness"])


def shows(weir, offset):
    [[now]] = weir.rows("SELECT epoch(now())")
    return abs(float(now) - time.time() - float(offset.removesuffix("h")) * 3600) < 60


def check_waits(weir, copy):
    """A wait takes as long as it was told to, also when the clock is set meanwhile."""
    began = time.monotonic()
    answer = weir.post("/v1/query", {"query": "SET weir_freshness_wait_ms = 1500; SET weir_min_lsn = 'FFFF/0'; SELECT count(*) FROM pg.public.items"})
    assert "timeout" in answer.text and 1.4 < time.monotonic() - began < 10, answer.text
    fresh = weir.post("/v1/query?min_freshness_ms=5000", {"query": "SELECT count(*) FROM pg.public.items"})
    assert fresh.status_code == 200, fresh.text


def check_copy(weir, copy, history):
    landed = history.check(weir)
    copy.wait(lambda: history.check(weir) > landed + 50, 20, "changes land")
    copy.wait(lambda: (copy.status()["lag_seconds"] or 99) < 5, 20, "it is fresh")
    found = [lag for lag in lags(weir, copy) if lag is not None]
    assert len(found) > 4 and all(0 <= lag < 60 for lag in found), found


def finish(weir, copy, history):
    history.stop()
    copy.wait(lambda: history.check(weir) == history.n, 30, "the copy has the whole history")
    for table in TABLES:
        found = weir.post(f"/v1/connectors/pg/verify?table=public.{table}").json()
        assert found["equal"], found
    assert copy.forget().status_code == 204


def test_the_clock_of_weir_is_set(postgres, database, tmp_path, clock, history):
    weir = Weir(directory=tmp_path / "weir", environment={"PG_PROD_PASSWORD": postgres.password, **clock.environment}).start()
    try:
        copy = Copied(weir, postgres, database, TABLES, snapshots_kept_hours=1, tombstones_kept_hours=1)
        copy.wait_streaming()
        history.start()
        check_copy(weir, copy, history)
        [[snapshots]] = weir.rows("SELECT count(*) FROM weir_snapshots")
        for offset in JUMPS:
            setting = threading.Timer(0.5, clock.set, [offset])
            setting.start()
            check_waits(weir, copy)
            setting.join()
            assert shows(weir, offset)
            check_copy(weir, copy, history)
            newest = weir.rows("SELECT count(*) FROM weir_snapshots")[0][0]
            assert newest >= snapshots, "no snapshot of these seconds is an hour old"
            snapshots = newest
            copy.resync("items")
            copy.wait_streaming()
        assert not any(event["to"] == "errored" for event in copy.events()), copy.events()
        finish(weir, copy, history)
    finally:
        weir.stop()


def test_a_stopped_table_grows_no_younger(postgres, database, tmp_path, clock, history):
    weir = Weir(directory=tmp_path / "weir", environment={"PG_PROD_PASSWORD": postgres.password, **clock.environment}).start()
    try:
        copy = Copied(weir, postgres, database, TABLES)
        copy.wait_streaming()
        with postgres.connect(database) as source:
            source.execute("DROP TABLE progress")
        copy.wait_stopped("progress", "table_dropped")
        copy.wait(lambda: copy.table("progress")["lag_seconds"] > 1, 10, "it grows old")
        clock.set("-7h")
        assert shows(weir, "-7h")
        assert copy.table("progress")["lag_seconds"] > 1
        refused = weir.post("/v1/query?min_freshness_ms=1000", {"query": "SELECT count(*) FROM pg.public.progress"})
        assert "table_not_synced" in refused.text, refused.text
        copy.resync("items")
        copy.wait(lambda: copy.table("items")["phase"] == "streaming", 30, "the others go on")
        assert any(event["reason"] == "a resync was asked for" for event in copy.events()[:8]), "what happened last comes first"
        assert copy.forget().status_code == 204
    finally:
        weir.stop()


def test_the_clock_of_the_source_is_set(tmp_path, seed):
    directory = OwnPostgres.new_directory()
    clock = Clock(directory / "clock")
    server = OwnPostgres.start("wal_sender_timeout=10s", directory=directory, environment=clock.environment)
    network = Network(server.parts.port)
    weir = Weir(directory=tmp_path / "weir", environment={"PG_PROD_PASSWORD": server.password}).start()
    try:
        database = server.create_database()
        history = History(server.database_url(database), seed, rows=2_000)
        copy = Copied(weir, server, database, TABLES, port=network.port)
        copy.wait_streaming()
        for offset in JUMPS[:2]:
            history.start()
            check_copy(weir, copy, history)
            clock.set(offset)
            check_copy(weir, copy, history)
            history.stop()
            network.freeze()
            copy.wait(lambda: copy.status()["lag_seconds"] > 2, 20, "it grows old")
            network.thaw()
            copy.wait_streaming()
        history.start()
        finish(weir, copy, history)
    finally:
        weir.stop()
        network.close()
        server.remove()

"""What happens to a source, and the live copy goes on or says why not: restarts, cuts, silence, lost slots, privileges, disks."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from conftest import WEIR, wait_until
from copied import Copied
from history import History
from source_faults import Network, OwnPostgres

TABLES = ["a", "b"]
LETTERS = "CREATE TABLE a (id bigint PRIMARY KEY, t text); CREATE TABLE b (id bigint PRIMARY KEY, t text);" \
          "INSERT INTO a SELECT i, 'a' || i FROM generate_series(1, 500) i; INSERT INTO b SELECT i, 'b' || i FROM generate_series(1, 500) i"


@pytest.fixture(scope="module")
def postgres():
    server = OwnPostgres.start("wal_sender_timeout=10s")  # it holds a slot for so long after a silent loss
    yield server
    server.remove()


@pytest.fixture(scope="module")
def other_postgres(postgres):
    """Another cluster, with the same password."""
    server = OwnPostgres.start()
    with server.connect() as session:
        session.execute(f"ALTER ROLE weir PASSWORD '{postgres.password}'")
    server.password = postgres.password
    yield server
    server.remove()


@pytest.fixture
def database(postgres):
    name = postgres.create_database()
    yield name
    with postgres.connect(name) as session:
        session.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active")
        wait_until(lambda: session.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND active").fetchone() == (0,))
        session.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()")
    postgres.drop_database(name)


@pytest.fixture
def network(postgres):
    network = Network(postgres.parts.port)
    yield network
    network.close()


@pytest.fixture
def copied(weir, postgres, database):
    """Makes the connector of the test; its end removes it."""
    made = []

    def make(tables=TABLES, text=LETTERS, **options):
        if text:
            with postgres.connect(database) as session:
                session.execute(text)
        made.append(Copied(weir, postgres, database, tables, **options))
        return made[-1]

    yield make
    if weir.process.poll() is not None:
        weir.start()
    if made:
        made[-1].forget()


@pytest.fixture
def source(postgres, database):
    session = postgres.connect(database)
    yield session
    session.close()


def equal(copy):
    for table in TABLES:
        copy.wait_equal(table, "id, t")


def has_slot(postgres, copy):
    with postgres.connect() as session:
        return session.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", [copy.slot]).fetchone() == (1,)


def drop_slot(postgres, copy):
    with postgres.connect(copy.database) as session:
        session.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s AND active", [copy.slot])
        wait_until(lambda: session.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [copy.slot]).fetchone() == (False,))
        session.execute("SELECT pg_drop_replication_slot(%s)", [copy.slot])


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_source_restarts(weir, postgres, database, copied, mode, seed):
    history = History(postgres.database_url(database), seed, rows=30_000)
    copy = copied(["accounts", "items", "progress"], text="", mode="sync")
    history.start()
    try:
        copy.wait_streaming()
        for _ in range(2):
            time.sleep(0.3)
            history.check(weir)
            postgres.restart(mode)
        copy.wait_streaming()
        copy.resync("items")
        copy.wait(lambda: copy.phases()["items"] == "snapshotting", 10, "the snapshot is being read")
        postgres.restart(mode)
        copy.wait_streaming(40)
        history.check(weir)
        history.stop()
        copy.wait(lambda: history.check(weir) == history.n, 30, "the copy has the whole history")
        assert history.recovered >= 3
    except AssertionError as error:
        raise AssertionError(f"WEIR_SEED={seed}: {error}") from error
    finally:
        history.stopping.set()


def test_slot_dropped_while_weir_is_down(weir, postgres, copied, source):
    copy = copied()
    copy.wait_streaming()
    equal(copy)
    weir.stop()
    drop_slot(postgres, copy)
    source.execute("INSERT INTO a VALUES (1001, 'lost')")
    weir.start()
    copy.wait_disabled("replication_slot_missing")
    assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    assert "resync" in copy.status()["last_error"] + str(copy.events())
    copy.resync("a")
    copy.wait_streaming()
    equal(copy)
    source.execute("INSERT INTO b VALUES (1001, 'new')")
    equal(copy)


def test_slot_dropped_while_weir_runs(weir, postgres, copied, source):
    copy = copied()
    copy.wait_streaming()
    drop_slot(postgres, copy)
    source.execute("INSERT INTO a VALUES (1001, 'lost')")
    copy.wait_disabled("replication_slot_missing")
    assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    copy.resync("b")
    copy.wait_streaming()
    source.execute("INSERT INTO b VALUES (1001, 'new')")
    equal(copy)


def test_slot_read_by_somebody_else(weir, copied, source):
    copy = copied()
    copy.wait_streaming()
    weir.stop()
    source.execute("INSERT INTO a VALUES (1001, 'lost')")
    source.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", [copy.slot])
    source.execute("INSERT INTO a VALUES (1002, 'not lost')")
    weir.start()
    copy.wait_disabled("sync_data_loss")
    assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    copy.resync("a")
    copy.wait_streaming()
    equal(copy)


def test_slot_that_somebody_else_reads(weir, postgres, copied, source, tmp_path):
    copy = copied()
    copy.wait_streaming()
    weir.stop()
    program = pathlib.Path(subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip()) / "pg_recvlogical"
    somebody = subprocess.Popen([program, "-d", postgres.database_url(copy.database), "-S", copy.slot, "--start", "-f", tmp_path / "taken", "--no-loop",
                                 "-o", "proto_version=1", "-o", f"publication_names={copy.slot}", "-s", "0"],
                                env={**os.environ, "PGOPTIONS": "-c wal_sender_timeout=0"}, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: source.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [copy.slot]).fetchone() == (True,), 20, "it reads")
        somebody.send_signal(signal.SIGSTOP)  # before it says that it has got anything
        weir.start()
        copy.wait(lambda: "replication_slot_in_use" in (copy.status()["last_error"] or ""), 60, "the reason")
        assert copy.slot in copy.status()["last_error"]
        assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    finally:
        somebody.kill()
        somebody.wait()
    source.execute("INSERT INTO a VALUES (1001, 'it is free again')")
    equal(copy)


def test_a_source_that_keeps_no_logical_log(weir):
    server = OwnPostgres.start("wal_level=replica")
    try:
        database = server.create_database()
        with server.connect(database) as session:
            session.execute(LETTERS)
        body = {"name": "unprepared", "type": "postgres", "mode": "both",
                "connection": {"url": server.database_url(database, password=True)}, "sync": {"tables": ["public.a"]}}
        assert weir.post("/v1/connectors", body).status_code == 201

        def reason():
            return weir.get("/v1/connectors/unprepared/status").json()["sync"]["last_error"] or ""
        wait_until(lambda: "source_not_prepared" in reason(), 20, "the reason")
        assert "wal_level" in reason()
        assert weir.rows("SELECT count(*) FROM unprepared.public.a") == [[500]], "the other half of mode both goes on"
        assert weir.delete("/v1/connectors/unprepared").status_code == 204
    finally:
        server.remove()


def test_another_server(weir, copied, database, postgres, other_postgres, source):
    with other_postgres.connect() as session:
        session.execute(f"CREATE DATABASE {database}")
    with other_postgres.connect(database) as session:
        session.execute(LETTERS + "; DELETE FROM a WHERE id > 10")
    copy = copied()
    copy.wait_streaming()
    # The first server's positions are further than the other's: they must not be what the copy waits for afterwards.
    source.execute("CREATE TABLE noise AS SELECT repeat(md5(i::text), 30) AS t FROM generate_series(1, 30000) i")
    copy.wait(lambda: (copy.status()["lag_seconds"] or 99) < 1, 15, "the copy is fresh")
    answer = weir.patch("/v1/connectors/pg", {"connection": {"url": copy.url(other_postgres.parts.port)}})
    assert answer.status_code == 200, answer.text
    copy.wait_disabled("sync_data_loss")
    assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    copy.resync("a")
    copy.wait_streaming()
    copy.postgres = other_postgres
    copy.wait(lambda: (copy.status()["lag_seconds"] or 99) < 1, 15, "the copy is fresh")
    equal(copy)
    assert has_slot(postgres, copy)  # nobody could remove it


def test_log_limit(weir, postgres, copied, source):
    """A paused copy makes the source keep its log: a warning, then the slot goes, and a resync brings all back."""
    copy = copied(wal_warn_mb=4, wal_drop_mb=20)
    copy.wait_streaming()
    assert weir.post("/v1/connectors/pg/pause?scope=sync").status_code == 200
    source.execute("CREATE TABLE noise AS SELECT repeat(md5(i::text), 30) AS t FROM generate_series(1, 10000) i")
    wait_until(lambda: "source_log_grows" in weir.log(), 15, "a warning")
    assert has_slot(postgres, copy)
    source.execute("INSERT INTO noise SELECT repeat(md5(i::text), 30) FROM generate_series(1, 20000) i")
    copy.wait(lambda: not has_slot(postgres, copy), 15, "the slot is dropped")
    copy.wait(lambda: all((table["phase"], table["reason"][:18]) == ("disabled", "wal_limit_exceeded") for table in copy.status()["tables"]), 5, "the reason")
    assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    source.execute("INSERT INTO a VALUES (1001, 'while it was paused')")
    assert weir.post("/v1/connectors/pg/resume?scope=sync").status_code == 200
    copy.resync("a")
    copy.wait_streaming()
    equal(copy)


def test_frozen_source_is_not_ready(weir, network, copied, source):
    copy = copied(port=network.port, stall_after_seconds=5, silence_max_seconds=30)
    copy.wait_streaming()
    assert weir.get("/ready").status_code == 200
    network.freeze()
    source.execute("INSERT INTO a VALUES (1001, 'frozen')")
    wait_until(lambda: weir.get("/ready").status_code == 503, 25, "/ready is false")
    assert weir.get("/ready").json() == {"status": "not_ready", "reasons": ["sync_stalled"]}  # no name: /ready needs no token
    assert weir.rows("SELECT count(*) FROM pg.public.a") == [[500]]
    network.thaw()
    equal(copy)
    wait_until(lambda: weir.get("/ready").status_code == 200, 10, "/ready is true again")


def test_network_cut(weir, network, copied, source):
    copy = copied(port=network.port)
    copy.wait_streaming()
    for i in range(3):
        source.execute("INSERT INTO a VALUES (%s, 'cut')", [1001 + i])
        network.cut()
        source.execute("INSERT INTO b VALUES (%s, 'cut')", [1001 + i])
        equal(copy)
    copy.wait_streaming()


def test_half_open_connection(weir, network, copied, source):
    copy = copied(port=network.port, silence_max_seconds=5)
    copy.wait_streaming()
    network.lose()
    source.execute("INSERT INTO a VALUES (1001, 'lost on the way')")
    began = time.monotonic()
    copy.wait_equal("a", "id, t", 40)
    assert time.monotonic() - began > 1
    equal(copy)
    assert any("nothing came from the source" in event["reason"] for event in copy.events())


def test_read_your_writes(weir, copied, source, postgres):
    copy = copied()
    copy.wait_streaming()
    busy = postgres.connect()  # another database makes the log longer than the copy's own changes
    slowest = 0
    for i in range(50):
        source.execute("INSERT INTO a VALUES (%s, 'mine')", [2000 + i])
        if i % 2:
            busy.execute("SELECT pg_logical_emit_message(false, 'noise', 'x')")
        [position] = source.execute("SELECT pg_current_wal_lsn()").fetchone()
        began = time.monotonic()
        answer = weir.post(f"/v1/query?min_lsn={position}", {"query": f"SELECT t FROM pg.public.a WHERE id = {2000 + i}"})
        slowest = max(slowest, time.monotonic() - began)
        assert answer.json()["rows"] == [["mine"]], (i, position, answer.text)
    busy.close()
    assert slowest < 3, slowest
    equal(copy)


def test_positions_that_do_not_come(weir, copied):
    copy = copied()
    copy.wait_streaming()
    began = time.monotonic()
    answer = weir.post("/v1/query", {"query": "SET weir_freshness_wait_ms = 500; SET weir_min_lsn = 'FF/0'; SELECT count(*) FROM pg.public.a"})
    assert "timeout" in answer.text and "not as fresh as asked" in answer.text, answer.text
    assert 0.4 < time.monotonic() - began < 5
    assert "invalid_option" in weir.post("/v1/query?min_lsn=nonsense", {"query": "SELECT count(*) FROM pg.public.a"}).text
    assert weir.post("/v1/query?min_freshness_ms=30000", {"query": "SELECT count(*) FROM pg.public.a"}).json()["rows"] == [[500]]


def test_a_stale_copy_is_refused(weir, network, copied):
    copy = copied(port=network.port)
    copy.wait_streaming()
    demand = "SET weir_freshness_wait_ms = 1000; SET weir_min_freshness_ms = 200; SELECT count(*) FROM pg.public.a"
    assert weir.post("/v1/query", {"query": demand}).status_code == 200
    network.freeze()
    network.cut()
    copy.wait(lambda: copy.status()["status"] == "errored", 10, "the cut is noticed")
    time.sleep(0.3)
    assert "timeout" in weir.post("/v1/query", {"query": demand}).text
    network.thaw()
    copy.wait(lambda: weir.post("/v1/query", {"query": demand}).status_code == 200, 30, "it is fresh again")


def test_a_stopped_table_grows_old_while_others_are_fresh(weir, copied, source):
    copy = copied()
    copy.wait_streaming()
    source.execute("DROP TABLE b; INSERT INTO a VALUES (1001, 'after it')")
    copy.wait_stopped("b", "table_dropped")
    equal_a = lambda: weir.rows("SELECT count(*) FROM pg.public.a WHERE id = 1001") == [[1]]  # noqa: E731
    copy.wait(equal_a, 10, "the other one goes on")
    [position] = source.execute("SELECT pg_current_wal_lsn()").fetchone()
    time.sleep(1.2)

    def check():
        answer = weir.query("SELECT count(*) FROM pg.public.b")
        assert answer["rows"] == [[500]] and answer["freshness"][0]["lag_seconds"] > 1
        assert any("does not follow its source any more: table_dropped" in warning for warning in answer["warnings"])
        copy.wait(lambda: copy.table("a")["lag_seconds"] < 1, 10, "the other one is fresh")
        ages = dict(weir.rows("SELECT source_table, lag_seconds FROM kyma_connector_health WHERE source_table <> ''"))
        assert ages["public.b"] > 1 > ages["public.a"], ages
        began = time.monotonic()
        refused = weir.post(f"/v1/query?min_lsn={position}", {"query": "SELECT count(*) FROM pg.public.b"})
        assert "table_not_synced" in refused.text and "is stopped at" in refused.text, refused.text
        assert time.monotonic() - began < 2, "nobody waits for what never comes"
        assert weir.post(f"/v1/query?min_lsn={position}", {"query": "SELECT count(*) FROM pg.public.a"}).json()["rows"] == [[501]]
    check()
    shown = subprocess.run([WEIR, "sql", "--url", weir.url, "SELECT count(*) FROM pg.public.b"], capture_output=True, text=True, check=True)
    assert "warning: the copy of pg.public.b does not follow" in shown.stderr
    weir.stop()
    weir.start()
    copy.wait(lambda: copy.phases() == {"a": "streaming", "b": "disabled"}, 20, "as before")
    check()


def test_privileges(weir, postgres, copied, source):
    source.execute(f"CREATE ROLE app LOGIN REPLICATION PASSWORD '{postgres.password}'; GRANT CREATE ON DATABASE {source.info.dbname} TO app;"
                   f"{LETTERS}; ALTER TABLE a OWNER TO app; ALTER TABLE b OWNER TO app")
    try:
        copy = copied(text="", user="app")
        copy.wait_streaming()
        equal(copy)
        source.execute("ALTER ROLE app NOREPLICATION")
        source.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", [copy.slot])
        source.execute("INSERT INTO a VALUES (1001, 'before it is given back')")
        copy.wait(lambda: copy.status()["status"] == "errored", 10, "an error")
        copy.wait(lambda: "source_permission_denied" in copy.status()["last_error"] and "REPLICATION" in copy.status()["last_error"], 10, "the privilege's name")
        source.execute("ALTER ROLE app REPLICATION")
        copy.wait_streaming()
        equal(copy)
        source.execute("REVOKE SELECT ON a FROM app")
        copy.resync("a")
        copy.wait_stopped("a", "permission_denied: SELECT")
        source.execute("INSERT INTO b VALUES (1001, 'goes on')")
        copy.wait_equal("b", "id, t")
        source.execute("GRANT SELECT ON a TO app")
        copy.resync("a")
        copy.wait_streaming()
        equal(copy)
    finally:
        weir.delete("/v1/connectors/pg")
        source.execute(f"REASSIGN OWNED BY app TO weir; DROP OWNED BY app; REVOKE CREATE ON DATABASE {source.info.dbname} FROM app; DROP ROLE app")


def test_idle_database_lets_the_log_go(weir, postgres, copied, source):
    copy = copied(heartbeat_seconds=1)
    copy.wait_streaming()

    def confirmed():
        return source.execute("SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s", [end, copy.slot]).fetchone() == (True,)
    for _ in range(2):
        with postgres.connect() as busy:
            busy.execute("CREATE TABLE noise AS SELECT md5(i::text) FROM generate_series(1, 50000) i; DROP TABLE noise")
            [end] = busy.execute("SELECT pg_current_wal_lsn()").fetchone()
        copy.wait(confirmed, 10, "the slot follows the other database's log")


def test_tables_come_and_go(weir, copied, source, postgres, database):
    copy = copied(tables=["a"])
    copy.wait_streaming()
    source.execute("INSERT INTO a VALUES (1001, 'x'); INSERT INTO b VALUES (1001, 'x')")
    assert weir.patch("/v1/connectors/pg", {"sync": {"tables": ["public.a", "public.b"]}}).status_code == 200
    source.execute("INSERT INTO a VALUES (1002, 'x'); INSERT INTO b VALUES (1002, 'x')")
    copy.wait(lambda: copy.phases() == {"a": "streaming", "b": "streaming"}, 20, "b is added")
    equal(copy)
    assert weir.patch("/v1/connectors/pg", {"sync": {"tables": ["public.b"]}}).status_code == 200
    source.execute("INSERT INTO b VALUES (1003, 'x')")
    copy.wait(lambda: copy.phases() == {"b": "streaming"}, 20, "a is gone")
    copy.wait_equal("b", "id, t")
    copy.wait(lambda: source.execute("SELECT tablename FROM pg_publication_tables").fetchall() == [("b",)], 10, "a is not published")


def test_delete_while_the_source_is_away(weir, network, copied, postgres):
    copy = copied(port=network.port)
    copy.wait_streaming()
    network.refuse()
    network.cut()
    assert weir.delete("/v1/connectors/pg").status_code == 204
    assert has_slot(postgres, copy)
    assert f"what stays on the source: the replication slot and the publication {copy.slot}" in weir.log()


def test_lost_extents_stop_their_table_only(weir, copied, source):
    copy = copied()
    copy.wait_streaming()
    equal(copy)
    for [path] in weir.rows("SELECT data_file FROM ducklake_list_files('weir', 'a', schema => 'pg.public')"):
        pathlib.Path(path).unlink()
    for table in TABLES:
        source.execute(f"UPDATE {table} SET t = t || ' again'")
    copy.wait(lambda: copy.phases() == {"a": "disabled", "b": "streaming"}, 60, "a is stopped")
    assert copy.table("a")["reason"].startswith("its changes cannot be put into the lake: "), copy.table("a")
    copy.wait_equal("b", "id, t")
    copy.wait(lambda: weir.rows("SELECT count(*) FROM weir.\"pg.public\".b WHERE t LIKE '%again'") == [[500]], 20, "b is folded")
    copy.resync("a")
    copy.wait_streaming()
    source.execute("UPDATE a SET t = 'once more'")
    equal(copy)

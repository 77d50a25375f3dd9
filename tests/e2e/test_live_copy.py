"""Seed 000 for PostgreSQL in the modes sync and both, as typed: names and hosts aside."""

import json
import time

import duckdb
import pytest
import seed_000

from conftest import wait_until


def sync_status(weir, connector):
    return weir.get(f"/v1/connectors/{connector}/status").json()["sync"]


def phases(weir, connector):
    return {table["table"]: table["phase"] for table in sync_status(weir, connector).get("tables", [])}


def wait_streaming(weir, connector, seconds=60):
    def streaming():
        found = phases(weir, connector)
        return found and set(found.values()) == {"streaming"}
    try:
        wait_until(streaming, seconds, "all tables are streaming")
    except AssertionError:
        raise AssertionError(json.dumps(sync_status(weir, connector), indent=1) + weir.log()[-4000:]) from None


@pytest.fixture(scope="module")
def landing():
    return "hot"


@pytest.fixture(scope="module")
def seed(postgres, database, weir, landing):
    with postgres.connect(database) as session:
        seed_000.make_tables(session)
        session.execute("CREATE TABLE keyless (id bigint)")
        session.execute("""CREATE TABLE "Users" (id int); INSERT INTO "Users" VALUES (7)""")
    connector = seed_000.register(weir, postgres, database, "both", landing=landing)
    wait_streaming(weir, connector)
    yield connector
    assert weir.delete(f"/v1/connectors/{connector}").status_code == 204
    with postgres.connect(database) as session:
        assert session.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone() == (0,)
        assert session.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)


@pytest.fixture
def source(postgres, database):
    with postgres.connect(database) as session:
        yield session


def served(answer):
    return {entry["table"]: entry["served"] for entry in answer["freshness"]}


def test_a_bare_name_reads_the_copy(weir, seed):
    answer = weir.query("SELECT id, email, region FROM pg_prod.public.users WHERE id = 42")
    assert answer["rows"] == [[42, "user42@example.com", "eu"]]
    assert served(answer) == {"pg_prod.public.users": "synced"}
    assert answer["pushdown_summary"] == []
    [entry] = answer["freshness"]
    assert entry["position"] and entry["lag_seconds"] is not None and entry["snapshot_id"] is not None


def test_a_copy_is_kept_in_a_form_that_is_quick_to_read(weir, seed):
    with duckdb.connect() as reader:
        columns = reader.execute("SELECT DISTINCT path_in_schema, encodings, compression FROM parquet_metadata(?)",
                                 [str(weir.directory / "data/extents/**/*.parquet")]).fetchall()
    assert ("id", "DELTA_BINARY_PACKED", "SNAPPY") in columns
    assert {compression for _, _, compression in columns} == {"SNAPPY"}


def test_letter_case_tells_tables_apart_that_the_source_tells_apart(weir, seed):
    answer = weir.query("""SELECT id FROM pg_prod.public."Users" """)
    assert (answer["rows"], served(answer)) == ([[7]], {"pg_prod.public.Users": "live"})
    assert served(weir.query("SELECT count(*) FROM pg_prod.PUBLIC.USERS")) == {"pg_prod.public.users": "synced"}


def test_live_reads_the_source(weir, seed):
    answer = weir.query("SELECT * FROM live(pg_prod.public.users) WHERE id = 42")
    assert answer["rows"] == [[42, "user42@example.com", "eu"]]
    assert served(answer) == {"pg_prod.public.users": "live"}
    assert answer["pushdown_summary"][0]["filters_pushed"] == ["id = $1"]


def test_rows_have_the_four_columns(weir, seed):
    answer = weir.query("SELECT * FROM pg_prod.public.users WHERE id = 7")
    assert [column["name"] for column in answer["columns"]] == ["id", "email", "region", "_kyma_pk", "_kyma_op", "_kyma_lsn", "_kyma_event_at"]
    assert answer["rows"][0][3:5] == ["7", "insert"]


def test_changes_arrive_within_a_second(weir, seed, source):
    source.execute("INSERT INTO users VALUES (2001, 'new@example.com', 'eu')")
    began = time.monotonic()
    wait_until(lambda: weir.rows("SELECT email FROM pg_prod.public.users WHERE id = 2001") == [["new@example.com"]], 5, "the insert")
    assert time.monotonic() - began < 1.5
    source.execute("UPDATE users SET email = 'changed@example.com' WHERE id = 2001")
    wait_until(lambda: weir.rows("SELECT email, _kyma_op FROM pg_prod.public.users WHERE id = 2001") == [["changed@example.com", "update"]], 5, "the update")
    source.execute("DELETE FROM users WHERE id = 2001")
    wait_until(lambda: weir.rows("SELECT * FROM pg_prod.public.users WHERE id = 2001") == [], 5, "the delete")
    assert weir.rows("SELECT id, email, _kyma_op FROM raw(pg_prod.public.users) WHERE id = 2001") == [[2001, None, "delete"]]
    source.execute("INSERT INTO users VALUES (2001, 'again@example.com', 'us')")
    wait_until(lambda: weir.rows("SELECT email FROM pg_prod.public.users WHERE id = 2001") == [["again@example.com"]], 5, "the re-insert")


def test_a_changed_key_moves_the_row(weir, seed, source):
    source.execute("UPDATE users SET id = 3001 WHERE id = 999")
    wait_until(lambda: weir.rows("SELECT id, email, _kyma_op FROM pg_prod.public.users WHERE id IN (999, 3001)")
               == [[3001, "user999@example.com", "update"]], 5, "the key change")


def test_transactions_are_whole(weir, seed, source):
    with source.transaction():
        source.execute("INSERT INTO users SELECT i, 'bulk', 'eu' FROM generate_series(10001, 15000) i")
        source.execute("INSERT INTO billing.invoices SELECT i, 1 FROM generate_series(10001, 15000) i")

    def counts():
        return weir.rows("""SELECT (SELECT count(*) FROM pg_prod.public.users WHERE id > 10000),
                                   (SELECT count(*) FROM pg_prod.billing.invoices WHERE id > 10000)""")[0]
    seen = []
    wait_until(lambda: seen.append(counts()) or seen[-1] == [5000, 5000], 10, "the transaction")
    assert all(users == invoices for users, invoices in seen), seen


def test_joins_with_a_local_table(weir, seed):
    weir.query(seed_000.MAKE_LOGS)
    answer = weir.query(seed_000.JOIN)
    assert answer["rows"] == seed_000.JOINED
    assert served(answer) == {"pg_prod.public.users": "synced", "weir.main.otel_logs": "lake"}


def test_tables_outside_of_sync_are_live(weir, seed):
    assert served(weir.query("SELECT * FROM pg_prod.public.keyless")) == {"pg_prod.public.keyless": "live"}


def test_status(weir, seed, source):
    source.execute("UPDATE users SET region = region WHERE id = 1")
    sync = sync_status(weir, seed)
    assert sync["status"] == "streaming" and sync["rows_synced"] >= 1002 and sync["schema_drift"] == []
    assert {"lag_seconds", "lag_bytes", "events_per_sec", "last_event_at", "last_error", "position"} <= set(sync)
    wait_until(lambda: sync_status(weir, seed)["lag_seconds"] < 1, 10, "the copy has caught up")


def test_health_has_a_row_for_each_table(weir, seed):
    rows = weir.rows("SELECT connector_name, mode, phase, source_table FROM kyma_connector_health ORDER BY source_table")
    assert rows == [["pg_prod", "both", "streaming", "billing.invoices"], ["pg_prod", "both", "streaming", "public.users"]]


def test_events_tell_the_phases(weir, seed):
    events = weir.get(f"/v1/connectors/{seed}/events").json()["items"]
    steps = [(event["from"], event["to"]) for event in reversed(events) if event["table"] == "public.users"]
    assert ("pending", "snapshotting") in steps and ("snapshotting", "streaming") in steps


def test_pause_and_resume_need_no_new_snapshot(weir, seed, source):
    assert weir.post(f"/v1/connectors/{seed}/pause?scope=sync").status_code == 200
    wait_until(lambda: sync_status(weir, seed)["status"] == "paused", 10, "paused")
    source.execute("INSERT INTO users VALUES (4001, 'while@example.com', 'eu')")
    time.sleep(0.5)
    assert weir.rows("SELECT count(*) FROM pg_prod.public.users WHERE id = 4001") == [[0]]
    assert weir.rows("SELECT count(*) FROM live(pg_prod.public.users) WHERE id = 4001") == [[1]]
    events_before = len([e for e in weir.get(f"/v1/connectors/{seed}/events").json()["items"] if e["to"] == "snapshotting"])
    assert weir.post(f"/v1/connectors/{seed}/resume?scope=sync").status_code == 200
    wait_until(lambda: weir.rows("SELECT count(*) FROM pg_prod.public.users WHERE id = 4001") == [[1]], 20, "what came while it was paused")
    events = weir.get(f"/v1/connectors/{seed}/events").json()["items"]
    assert len([e for e in events if e["to"] == "snapshotting"]) == events_before


def test_metrics_of_the_copy(weir, seed):
    def value(name):
        [line] = [line for line in weir.get("/metrics").text.splitlines() if line.startswith(f"weir_sync_{name}") and 'connector="pg_prod"' in line]
        return float(line.split()[-1])
    wait_until(lambda: value("lag_seconds") < 1, 10, "a fresh copy")
    assert value("events_total") > 0 and value("commit_duration_seconds_count") > 0
    assert value("behind_bytes") >= 0 and value("retained_bytes") >= 0
    assert value('tables{connector="pg_prod",phase="streaming"}') == 2
    assert value('tables{connector="pg_prod",phase="disabled"}') == 0


def test_truncate_empties_the_copy(weir, seed, source):
    source.execute("TRUNCATE billing.invoices")
    wait_until(lambda: weir.rows("SELECT count(*) FROM pg_prod.billing.invoices") == [[0]], 10, "the truncate")
    source.execute("INSERT INTO billing.invoices VALUES (7, 3.50)")
    wait_until(lambda: weir.rows("SELECT id, amount FROM pg_prod.billing.invoices") == [[7, "3.50"]], 10, "the row after it")


def test_a_resync_copies_the_table_anew(weir, seed, source):
    def snapshots():
        return len([e for e in weir.get(f"/v1/connectors/{seed}/events").json()["items"]
                    if e["table"] == "public.users" and e["to"] == "snapshotting"])
    before = snapshots()
    answer = weir.post(f"/v1/connectors/{seed}/resync?table=public.users")
    assert answer.status_code in (200, 202), answer.text
    wait_until(lambda: snapshots() > before, 20, "a new snapshot")
    wait_streaming(weir, seed)
    theirs = source.execute("SELECT count(*), sum(id) FROM users").fetchone()
    assert weir.rows("SELECT count(*), sum(id) FROM pg_prod.public.users") == [[theirs[0], int(theirs[1])]]


def test_a_keyless_table_is_refused_by_name_and_the_others_go_on(weir, seed, postgres, database):
    tables = ["public.users", "billing.invoices", "public.keyless"]
    answer = weir.patch(f"/v1/connectors/{seed}", {"sync": {"tables": tables}})
    assert answer.status_code == 200, answer.text
    reason = "table has no primary key — cannot CDC sync"
    wait_until(lambda: phases(weir, seed).get("public.keyless") == "disabled", 20, "keyless is refused")
    wait_until(lambda: phases(weir, seed)["public.users"] == "streaming", 20, "users goes on")
    assert any(reason in (table["reason"] or "") for table in sync_status(weir, seed)["tables"])
    events = weir.get(f"/v1/connectors/{seed}/events").json()["items"]
    assert any(event["table"] == "public.keyless" and reason in event["reason"] for event in events)


def test_a_restart_goes_on_where_it_stood(weir, seed, source):
    weir.stop()
    source.execute("INSERT INTO users VALUES (5001, 'down@example.com', 'eu')")
    weir.start()
    answer = weir.query("SELECT count(*) FROM pg_prod.public.users")
    assert served(answer) == {"pg_prod.public.users": "synced"}, "the first answer after the start is the copy's already"
    wait_until(lambda: weir.rows("SELECT email FROM pg_prod.public.users WHERE id = 5001") == [["down@example.com"]], 20, "what came while it was down")
    theirs = source.execute("SELECT count(*), sum(id) FROM users").fetchone()
    assert weir.rows("SELECT count(*), sum(id) FROM pg_prod.public.users") == [[theirs[0], int(theirs[1])]]

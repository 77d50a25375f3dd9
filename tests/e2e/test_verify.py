"""`weir verify`: a copy is compared with its source, and every difference is found."""

import json
import random
import subprocess
import threading

import duckdb
import psycopg
import pytest

import every_type
from conftest import WEIR, wait_until
from test_live_copy import wait_streaming

TABLES = ["public.users", "public.pairs", "public.every_type", "public.odd"]


@pytest.fixture(scope="module")
def landing():
    return "hot"


@pytest.fixture(scope="module")
def copy(postgres, database, weir, landing):
    """Tables of which a part is in the lake (the snapshot) and a part in the hot table, where it stays."""
    chance = random.Random(7)
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text, score double precision)")
        session.execute("INSERT INTO users SELECT i, 'user' || i || '@example.com', i / 7.0 FROM generate_series(1, 20000) i")
        session.execute("CREATE TABLE pairs (a text, b int, note text, PRIMARY KEY (a, b))")
        session.execute(r"INSERT INTO pairs SELECT (ARRAY['x', ':', '\', 'x:', 'ä', ''])[i % 6 + 1], i, 'n' || i FROM generate_series(1, 600) i")
        every_type.create(session, "every_type", 60, chance)
        session.execute("""CREATE TABLE odd (k text COLLATE "en-x-icu" PRIMARY KEY, f real, g float8, l int[], t text COLLATE blind, n text)""")
        session.execute("""INSERT INTO odd VALUES ('a', 'NaN', '-0', '{}', 'Ä', NULL), ('A', '-0', 'NaN', NULL, 'ä', ''), ('é', NULL, 'Infinity', '{NULL}', NULL, 'NULL')""")
    body = {"name": "pg_prod", "type": "postgres", "mode": "both",
            "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD", "tls": "required"},
            "sync": {"tables": TABLES, "landing": landing, "fold_after_ms": 3_600_000}}
    answer = weir.post("/v1/connectors", body)
    assert answer.status_code == 201, answer.text
    wait_streaming(weir, "pg_prod")
    with postgres.connect(database) as session:
        session.execute("INSERT INTO users SELECT i, 'later' || i, 'NaN' FROM generate_series(20001, 20100) i")
        session.execute("UPDATE users SET email = 'changed' WHERE id % 1000 = 0")
        session.execute("DELETE FROM users WHERE id % 1000 = 1")
        session.execute("UPDATE users SET id = -id WHERE id % 1000 = 2")
        session.execute("UPDATE pairs SET note = NULL WHERE b % 3 = 0")
        session.execute("UPDATE every_type SET id = id + 1000 WHERE id % 3 = 0")
        session.execute("INSERT INTO odd VALUES ('b', 'NaN', '-0', '{}', 'Ä', NULL), ('B', '-0', 'NaN', NULL, 'ä', ''), ('É', NULL, '-Infinity', '{NULL}', NULL, 'NULL')")
    yield weir
    assert weir.delete("/v1/connectors/pg_prod").status_code == 204


@pytest.fixture
def source(postgres, database):
    with postgres.connect(database) as session:
        yield session


def verify(weir, table):
    answer = weir.post(f"/v1/connectors/pg_prod/verify?table={table}")
    assert answer.status_code == 200, answer.text + weir.log()[-3000:]
    return answer.json()


def command(weir, table, *more):
    return subprocess.run([WEIR, "verify", table, "--url", weir.url, *more], capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize("table", TABLES)
def test_equal(copy, source, table):
    result = verify(copy, table)
    rows = source.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    assert result.pop("position")
    assert result == {"connector": "pg_prod", "table": table, "rounds": 1, "rows_source": rows, "rows_copy": rows, "equal": True,
                      "missing": 0, "extra": 0, "different": 0, "not_compared": 0, "examples": []}


def test_the_source_is_read_once_and_no_slot_stays(copy, source):
    verify(copy, "public.users")
    assert source.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone() == (1,)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    wait_until(lambda: source.execute(idle).fetchone() == (0,), 10, "no transaction stays")


def test_equal_under_a_running_writer(copy, postgres, database):
    stopping = threading.Event()
    failed = []

    def write():
        chance = random.Random(11)
        try:
            with psycopg.connect(postgres.database_url(database), autocommit=True) as session:
                n = 100_000
                while not stopping.is_set():
                    n += 1
                    session.execute("INSERT INTO users VALUES (%s, %s, 1)", (n, f"w{n}"))
                    session.execute("UPDATE users SET score = score + 1, email = email || '.' WHERE id %% 997 = %s AND length(email) < 100", (chance.randrange(997),))
                    session.execute("DELETE FROM users WHERE id = %s", (chance.randrange(100_000, n),))
                    session.execute("UPDATE users SET id = -id WHERE id = %s", (chance.randrange(100_000, n),))
                    if n % 20 == 0:
                        session.execute("BEGIN; DELETE FROM pairs; INSERT INTO pairs SELECT 'r:' || i, i, 'again' FROM generate_series(1, 500) i; COMMIT")
                    if n % 500 == 0:  # of the moments before it nothing can be read any more
                        session.execute("TRUNCATE pairs")
                        session.execute("INSERT INTO pairs SELECT 'x', i, 'fresh' FROM generate_series(1, 300) i")
        except Exception as error:  # the test shows it
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        results = [verify(copy, table) for _ in range(6) for table in ("public.users", "public.pairs")]
    finally:
        stopping.set()
        writer.join()
    assert not failed, failed
    assert all(result["equal"] for result in results), results
    assert any(result["rounds"] > 1 for result in results), results
    for table in ("public.users", "public.pairs"):
        result = verify(copy, table)
        assert result["equal"] and result["not_compared"] == 0 and result["rows_source"] == result["rows_copy"], result


def test_the_command_prints_that_they_are_equal(copy):
    ran = command(copy, "pg_prod.public.odd")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == "" and "public.odd" in ran.stdout and "yes" in ran.stdout


def edit_hot(weir, statements):
    """What somebody changes in the copy while Weir does not look."""
    weir.stop()
    with duckdb.connect(str(weir.directory / "data" / "hot.duckdb")) as hot:
        for statement in statements:
            assert hot.execute(statement).fetchone() == (1,), statement
    weir.start()
    wait_streaming(weir, "pg_prod")


def test_every_difference_is_found_with_its_key(copy, source):
    table = 'hot."pg_prod.public"."users"'
    source.execute("INSERT INTO users SELECT i, 'edit' || i, i FROM generate_series(300001, 300010) i")
    wait_until(lambda: copy.rows("SELECT count(*) FROM pg_prod.public.users WHERE id > 300000") == [[10]], 10, "the rows")
    edit_hot(copy, [
        f"UPDATE {table} SET email = 'wrong' WHERE id = 300001",
        f"UPDATE {table} SET email = NULL WHERE id = 300002",
        f"UPDATE {table} SET score = 'NaN'::DOUBLE WHERE id = 300003",
        f"DELETE FROM {table} WHERE id = 300004",
        f"INSERT INTO {table} SELECT * REPLACE (400000 AS id, '400000' AS _kyma_pk) FROM {table} WHERE id = 300005",
        f"INSERT INTO {table} SELECT * FROM {table} WHERE id = 300006",
        # The lake's row of it, which the copy then shows, is the one before the update.
        f"DELETE FROM {table} WHERE id = 1000",
    ])
    result = verify(copy, "public.users")
    found = {example["key"]: example["kind"] for example in result["examples"]}
    assert found == {"300001": "different", "300002": "different", "300003": "different", "300004": "missing", "400000": "extra",
                     "300006": "extra", "1000": "different"}, result
    assert (result["equal"], result["missing"], result["extra"], result["different"], result["not_compared"]) == (False, 1, 2, 4, 0)
    assert result["rows_copy"] == result["rows_source"] - 1 + 2
    examples = {example["key"]: example for example in result["examples"]}
    assert examples["300001"]["source"] == {"id": "300001", "email": "edit300001", "score": "300001.0"}
    assert examples["300001"]["copy"] == {"id": "300001", "email": "wrong", "score": "300001.0"}
    assert examples["300002"]["copy"]["email"] is None
    assert examples["300004"]["copy"] is None and examples["300004"]["source"]["email"] == "edit300004"
    assert examples["400000"]["source"] is None and examples["400000"]["copy"]["email"] == "edit300005"
    assert examples["1000"]["source"]["email"].startswith("changed") and examples["1000"]["copy"]["email"] == "user1000@example.com"

    ran = command(copy, "pg_prod.public.users")
    assert ran.returncode == 1 and ran.stderr == "", ran.stderr
    assert '{"email":"wrong"}' in ran.stdout and "300004" in ran.stdout
    ran = command(copy, "pg_prod.public.users", "--format", "json")
    assert ran.returncode == 1 and json.loads(ran.stdout)["different"] == 4


def test_differences_that_equality_does_not_see(copy, source):
    odd, pairs = 'hot."pg_prod.public"."odd"', 'hot."pg_prod.public"."pairs"'
    source.execute(r"BEGIN; UPDATE odd SET n = n; INSERT INTO pairs VALUES ('a:\b', 1000001, 'one'), ('a:\b', 1000002, 'two'); COMMIT")
    wait_until(lambda: copy.rows("SELECT count(*) FROM pg_prod.public.pairs WHERE b > 1000000") == [[2]], 10, "the rows")
    edit_hot(copy, [
        f"UPDATE {odd} SET g = 0 WHERE k = 'É'",  # was -Infinity
        f"UPDATE {odd} SET l = [NULL] WHERE k = 'b'",  # was []
        f"UPDATE {odd} SET l = [NULL] WHERE k = 'B'",  # was NULL
        f"UPDATE {odd} SET n = NULL WHERE k = 'É'",  # was 'NULL'
        f"UPDATE {pairs} SET note = '' WHERE b = 1000001",
    ])
    result = verify(copy, "public.odd")
    assert {example["key"]: example["kind"] for example in result["examples"]} == {"b": "different", "B": "different", "É": "different"}
    assert {example["source"]["n"] for example in result["examples"]} == {None, "", "NULL"}
    result = verify(copy, "public.pairs")
    assert [(example["key"], example["kind"], example["source"]["note"], example["copy"]["note"]) for example in result["examples"]] \
        == [(r"a\:\\b:1000001", "different", "one", "")]


def test_a_resync_heals(copy, source):
    assert copy.post("/v1/connectors/pg_prod/resync?table=public.odd").status_code in (200, 202)
    wait_until(lambda: copy.post("/v1/connectors/pg_prod/verify?table=public.odd").status_code == 200, 30, "the snapshot")
    assert verify(copy, "public.odd")["equal"]


def error(weir, path):
    answer = weir.post(path)
    assert answer.status_code >= 400, answer.text
    return answer.json()["error"]["code"]


def test_errors(copy, postgres, database):
    assert error(copy, "/v1/connectors/pg_prod/verify?table=public.none") == "table_not_found"
    assert error(copy, "/v1/connectors/pg_prod/verify?table=users") == "invalid_request"
    assert error(copy, "/v1/connectors/pg_prod/verify") == "invalid_request"
    assert error(copy, "/v1/connectors/none/verify?table=public.users") == "connector_not_found"
    ran = command(copy, "pg_prod.public.none")
    assert ran.returncode == 1 and "code: table_not_found" in ran.stderr
    assert "code: invalid_request" in command(copy, "users").stderr
    copy.register(postgres, database, name="pg_live", mode="federation")
    try:
        assert error(copy, "/v1/connectors/pg_live/verify?table=public.users") == "source_disabled"
    finally:
        copy.delete("/v1/connectors/pg_live")


def test_a_paused_copy_is_not_compared(copy):
    copy.post("/v1/connectors/pg_prod/pause?scope=sync")
    try:
        assert error(copy, "/v1/connectors/pg_prod/verify?table=public.users") == "source_disabled"
    finally:
        copy.post("/v1/connectors/pg_prod/resume?scope=sync")
        wait_streaming(copy, "pg_prod")

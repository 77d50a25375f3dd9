"""A table changes between planning and reading: the answer is right or a named error, never a value taken for another type,
never an empty answer of a full table."""

import threading

import pytest

from conftest import wait_until

LARGE, SMALL = 20_000, 100
SPLIT = 400_000  # rows of some 2 MB and more, so that a read of `split_read_mb` 1 is divided
SAME_WIDTH = [("bigint", "double precision", "v::float8"), ("bigint", "timestamptz", "to_timestamp(v)"), ("double precision", "bigint", "v::bigint"),
              ("timestamptz", "bigint", "extract(epoch from v)::bigint"), ("integer", "real", "v::real"), ("integer", "date", "date '2000-01-01' + v")]
FIRST = {"bigint": "i", "integer": "i % 1000", "double precision": "i + 0.5", "timestamptz": "to_timestamp(i)"}


@pytest.fixture(scope="module")
def source(postgres, database, weir):
    """Small reads run as one statement, large ones as COPY; the schema is cached for five minutes in both."""
    weir.register(postgres, database, name="pg", small_read_rows=1000)
    weir.register(postgres, database, name="pg_split", small_read_rows=0, split_read_mb=1)
    return database


def make(session, table, rows, expression):
    session.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} AS SELECT i AS id, ({expression}) AS v FROM generate_series(1, {rows}) i; ANALYZE {table}")


def refresh(weir, table, connector="pg"):
    """The cache knows the table: its first look-up reads the schema anew."""
    wait_until(lambda: weir.try_query(f"SELECT count(*) FROM {connector}.public.{table}").status_code == 200, what=f"{table} is known")


@pytest.mark.parametrize("before, after, using", SAME_WIDTH, ids=[f"{a} to {b}" for a, b, _ in SAME_WIDTH])
@pytest.mark.parametrize("rows", [SMALL, LARGE], ids=["statement", "copy"])
def test_a_type_of_the_same_width_is_never_taken_for_the_old_one(postgres, source, weir, rows, before, after, using):
    table = f"same_{rows}_{SAME_WIDTH.index((before, after, using))}"
    with postgres.connect(source) as session:
        make(session, table, rows, f"({FIRST[before]})::{before}")
        refresh(weir, table)
        text = f"SELECT id, v FROM pg.public.{table} ORDER BY id"
        planned = weir.query(text)  # the schema is in the cache
        assert ("COPY" in planned["pushdown_summary"][0]["remote_query"]) == (rows == LARGE)
        session.execute(f"ALTER TABLE {table} ALTER v TYPE {after} USING {using}; ANALYZE {table}")
        error = weir.error(text)
        assert error["code"] == "schema_drift" and table in error["message"] and error["source"] == "pg"
        # Planned anew, the values are those of the new type.
        again = weir.query(text)
        assert again["columns"][1]["type"] != planned["columns"][1]["type"]
        right = session.execute(f"SELECT id, v::text FROM {table} ORDER BY id").fetchall()
        assert weir.rows(f"SELECT id, CAST(v AS VARCHAR) FROM pg.public.{table} ORDER BY id LIMIT 1")[0][0] == right[0][0]
        assert again["row_count"] == len(right)
        assert weir.query(f"SELECT count(*) FROM pg.public.{table} WHERE v IS NOT NULL")["rows"] == [[rows]]


def while_locked(postgres, database, weir, change, query, waiting):
    """Runs `query` while a session has made `change` and not committed it; commits when the query waits for it."""
    outcome = {}
    with postgres.connect(database) as session, postgres.connect(database) as watcher:
        session.execute("BEGIN")
        session.execute(change)
        reader = threading.Thread(target=lambda: outcome.update(answer=weir.try_query(query)))
        reader.start()
        wait_until(lambda: watcher.execute("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()").fetchone()[0] >= waiting,
                   what="the read waits for the change")
        session.execute("COMMIT")
        reader.join()
    return outcome["answer"]


CHANGES = [("ALTER TABLE {} ALTER v TYPE double precision USING v + 0.5", None), ("ALTER TABLE {} ALTER v TYPE timestamptz USING to_timestamp(v)", None),
           ("ALTER TABLE {} ALTER v TYPE bigint USING v * 2", lambda rows: rows * (rows + 1)),
           ("TRUNCATE {}; INSERT INTO {} SELECT i, 7 FROM generate_series(1, 50) i", lambda rows: 350),
           ("CREATE TABLE {}_new (LIKE {}); INSERT INTO {}_new VALUES (1, 5); DROP TABLE {}; ALTER TABLE {}_new RENAME TO {}", lambda rows: 5)]


@pytest.mark.parametrize("change, total", CHANGES, ids=["to float8", "to timestamptz", "same type", "truncate and fill", "swap"])
@pytest.mark.parametrize("rows, connector", [(SMALL, "pg"), (LARGE, "pg"), (SPLIT, "pg_split")], ids=["statement", "copy", "split"])
def test_a_read_that_waited_for_a_rewrite_sees_all_of_it_or_says_so(postgres, source, weir, rows, connector, change, total):
    """A rewritten table looks empty to every snapshot from before, and a snapshot is taken before the lock is had."""
    with postgres.connect(source) as session:
        make(session, "rewritten", rows, "i::bigint")
    text = f"SELECT count(*), sum(v) FROM {connector}.public.rewritten"
    weir.try_query(text)  # may find what the case before has left in the cache
    assert weir.rows(text) == [[rows, rows * (rows + 1) // 2]]
    answer = while_locked(postgres, source, weir, change.replace("{}", "rewritten"), text, waiting=1)
    if answer.status_code != 200:
        assert answer.json()["error"]["code"] == "schema_drift", answer.text
        return
    assert total is not None, f"a column of another type was read as the old one: {answer.text}"
    assert answer.json()["rows"][0][1] == total(rows), answer.text


def test_types_that_change_all_the_time_give_no_wrong_value(postgres, source, weir):
    """bigint n, float8 n + 0.25 and timestamptz n seconds, in turn, while four clients read: each value is one of these."""
    steps = [("double precision", "v + 0.25"), ("timestamptz", "to_timestamp(v - 0.25)"), ("bigint", "extract(epoch from v)::bigint")]
    right = {"BIGINT": [1, SMALL * 30], "DOUBLE": [1.25, SMALL * 30 + 0.25], "TIMESTAMP WITH TIME ZONE": ["1970-01-01T00:00:01Z", "1970-01-01T00:50:00Z"]}
    with postgres.connect(source) as session:
        make(session, "turning", SMALL * 30, "i::bigint")
        weir.try_query("SELECT count(*) FROM pg.public.turning")
    stop, wrong, seen, errors = threading.Event(), [], set(), set()

    def read():
        while not stop.is_set():
            answer = weir.try_query("SELECT min(v) AS low, max(v) AS high FROM pg.public.turning")
            if answer.status_code != 200:
                errors.add(answer.json()["error"]["code"])
                continue
            kind = answer.json()["columns"][0]["type"]
            seen.add(kind)
            if answer.json()["rows"] != [right.get(kind)]:
                wrong.append(answer.text)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        with postgres.connect(source) as session:
            for turn in range(60):
                kind, using = steps[turn % 3]
                session.execute(f"ALTER TABLE turning ALTER v TYPE {kind} USING {using}")
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert errors <= {"schema_drift", "invalid_query"} and len(seen) >= 2, (seen, errors)


@pytest.fixture(scope="module")
def unexported(postgres, database, weir):
    """A user who may not export snapshots, in a database where nobody may."""
    with postgres.connect() as session:
        session.execute(f"DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN PASSWORD '{postgres.password}'")
    with postgres.connect(database) as session:
        make(session, "alone", SPLIT, "i::bigint")
        session.execute("CREATE TABLE beside AS SELECT i AS id FROM generate_series(1, 20000) i; ANALYZE beside; GRANT SELECT ON alone, beside TO plain")
        session.execute("REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
    body = {"name": "pg_plain", "type": "postgres", "mode": "federation",
            "connection": {"url": postgres.database_url(database, user="plain", password=False), "secret_ref": "$env:PG_PROD_PASSWORD", "small_read_rows": 0, "split_read_mb": 1}}
    assert weir.post("/v1/connectors", body).status_code == 201
    yield database
    with postgres.connect(database) as session:
        session.execute("GRANT EXECUTE ON FUNCTION pg_export_snapshot() TO PUBLIC; DROP OWNED BY plain; DROP ROLE plain")


def test_without_exported_snapshots_a_large_table_is_read_by_one_connection(postgres, unexported, weir):
    mark = postgres.log_mark()
    answer = weir.query("SET weir_pushdown = false; SELECT count(*), sum(v) FROM pg_plain.public.alone")
    assert answer["rows"] == [[SPLIT, SPLIT * (SPLIT + 1) // 2]]
    assert "ctid" not in answer["pushdown_summary"][0]["remote_query"]
    assert "permission denied for function pg_export_snapshot" in postgres.log_since(mark)  # it was tried


def test_without_exported_snapshots_the_scans_of_a_query_still_see_one(postgres, unexported, weir):
    """They take turns on one connection; a writer keeps the sum of two tables constant meanwhile."""
    with postgres.connect(unexported) as session:
        session.execute("CREATE TABLE left_side AS SELECT 1000 AS amount; CREATE TABLE right_side AS SELECT 0 AS amount; GRANT SELECT ON left_side, right_side TO plain")
    weir.patch("/v1/connectors/pg_plain", {"connection": {"pool_size": 4}})  # reads the schema anew
    joined = "SELECT count(*) FROM pg_plain.public.alone a JOIN pg_plain.public.beside b ON a.id = b.id"
    assert weir.rows(joined) == [[20000]]
    stop = threading.Event()

    def write():
        with postgres.connect(unexported) as session:
            while not stop.is_set():
                session.execute("BEGIN; UPDATE left_side SET amount = amount - 1; UPDATE right_side SET amount = amount + 1; COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(30):
            assert weir.rows("SELECT l.amount + r.amount FROM pg_plain.public.left_side l, pg_plain.public.right_side r") == [[1000]]
    finally:
        stop.set()
        writer.join()

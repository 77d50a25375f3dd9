"""Large transactions on the source: whole in the copy, flat in memory."""

import threading

import psycopg
import pytest

from conftest import DEEP, SANITIZED, wait_until
from test_live_copy import sync_status, wait_streaming

ROWS = 2_000_000 if DEEP else 500_000
WRITERS = 100
MEMORY_MB = 600


def peak_mb(weir):
    for line in open(f"/proc/{weir.process.pid}/status", encoding="ascii"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


@pytest.fixture(scope="module")
def copy(postgres, database, start_weir):
    if SANITIZED:
        pytest.skip("the sanitizers' memory is not the product's")
    weir = start_weir()
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE big (id bigint PRIMARY KEY, writer integer NOT NULL, note text NOT NULL)")
    answer = weir.post("/v1/connectors", {
        "name": "pg", "type": "postgres", "mode": "sync",
        "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD"},
        "sync": {"tables": ["public.big"]}})
    assert answer.status_code == 201, answer.text
    wait_streaming(weir, "pg")
    yield weir
    weir.delete("/v1/connectors/pg")


def test_one_transaction_of_many_rows(copy, postgres, database):
    with postgres.connect(database) as session:
        session.execute("INSERT INTO big SELECT i, 0, 'row ' || i FROM generate_series(1, %s) i", (ROWS,))
    seen = set()

    def count():
        [[rows]] = copy.rows("SELECT count(*) FROM pg.public.big")
        seen.add(rows)
        return rows == ROWS
    wait_until(count, 240, f"{ROWS} rows: {sync_status(copy, 'pg')}")
    assert seen <= {0, ROWS}, seen
    assert copy.rows("SELECT sum(id)::BIGINT FROM pg.public.big") == [[ROWS * (ROWS + 1) // 2]]
    print(f"peak {peak_mb(copy):.0f} MB")
    assert peak_mb(copy) < MEMORY_MB, peak_mb(copy)


def test_many_transactions_at_once(copy, postgres, database):
    each = ROWS // 100
    ready = threading.Barrier(WRITERS)
    failures = []

    def write(number):
        try:
            with psycopg.connect(postgres.database_url(database)) as session:
                first = 10_000_000 + number * each
                for half in range(2):
                    session.execute("INSERT INTO big SELECT i, %s, 'row ' || i FROM generate_series(%s::bigint, %s::bigint) i",
                                    (number, first + half * each // 2, first + (half + 1) * each // 2 - 1))
                    ready.wait(120)
                if number % 10 == 0:
                    session.rollback()
        except Exception as error:
            failures.append(error)
            ready.abort()

    # No more connections than the server has by default.
    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    kept = WRITERS - WRITERS // 10
    wait_until(lambda: copy.rows("SELECT count(*), count(DISTINCT writer) FROM pg.public.big WHERE writer > 0 OR id >= 10000000") == [[kept * each, kept]],
               240, "the rows of all writers")
    print(f"peak {peak_mb(copy):.0f} MB")
    assert peak_mb(copy) < MEMORY_MB, peak_mb(copy)


def test_a_snapshot_shows_how_far_it_is(copy, postgres, database):
    with postgres.connect(database) as session:
        session.execute("ANALYZE big")
        [rows] = session.execute("SELECT count(*) FROM big").fetchone()
    assert copy.post("/v1/connectors/pg/resync?table=public.big").status_code in (200, 202)
    seen = []

    def done():
        [table] = sync_status(copy, "pg")["tables"]
        if table["rows_read"] is not None:
            seen.append((table["rows_read"], table["rows_estimate"]))
        return table["phase"] == "streaming" and table["readable"]
    wait_until(done, 120, "the snapshot")
    read = [one for one, _ in seen]
    assert read and read == sorted(read) and 0 < read[-1] <= rows, seen
    assert all(abs(estimate - rows) < rows / 5 for _, estimate in seen), (seen, rows)
    [table] = sync_status(copy, "pg")["tables"]
    assert (table["rows_snapshot"], table["rows_read"], table["rows_estimate"]) == (rows, None, None)

"""What one query may ask of one source: an error beyond it, or a part where a part was asked for."""

import concurrent.futures
import time

import pytest

from conftest import wait_until

ROWS = 50_000


@pytest.fixture(scope="module")
def tables(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute(f"CREATE TABLE numbers AS SELECT i AS id, repeat('x', 200) AS wide FROM generate_series(1, {ROWS}) i")
        session.execute("CREATE VIEW slow AS SELECT i AS id, pg_sleep(0.2)::text AS pause FROM generate_series(1, 500) i")
        session.execute("ANALYZE")
    return weir


def register(weir, postgres, database, name, **limits):
    body = {"name": name, "type": "postgres", "mode": "federation", "limits": limits,
            "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD", "pool_size": 10}}
    answer = weir.post("/v1/connectors", body)
    assert answer.status_code == 201, answer.text


def test_rows(postgres, database, tables):
    register(tables, postgres, database, "few_rows", rows_max=1000)
    error = tables.error("SELECT sum(id + 1) OVER () FROM few_rows.public.numbers")
    assert error["code"] == "source_limit_exceeded" and "limits.rows_max (1000)" in error["message"] and error["source"] == "few_rows"
    assert tables.rows("SELECT count(*) FROM few_rows.public.numbers") == [[ROWS]]  # what runs there brings one row
    assert len(tables.rows("SELECT id FROM few_rows.public.numbers LIMIT 1000")) == 1000
    # The scans of a query are counted together.
    tables.error("SELECT id FROM few_rows.public.numbers WHERE id <= 600 UNION ALL SELECT id + random() FROM few_rows.public.numbers WHERE id <= 600")


def test_a_part_is_given_when_it_is_asked_for(postgres, database, tables):
    register(tables, postgres, database, "part", rows_max=1000)
    answer = tables.query("SELECT id FROM part.public.numbers", partial=True)
    assert answer["partial"] is True and len(answer["rows"]) == 1000 and any("rows are missing" in text for text in answer["warnings"])
    whole = tables.query("SELECT id FROM part.public.numbers WHERE id <= 1000", partial=True)
    assert whole["partial"] is False and len(whole["rows"]) == 1000 and not whole.get("warnings")
    # Nothing that is kept is a part.
    assert tables.error("CREATE TABLE kept AS SELECT id FROM part.public.numbers", partial=True)["code"] == "source_limit_exceeded"
    assert tables.error("SELECT count(*) FROM kept")["code"] == "table_not_found"


def test_bytes(postgres, database, tables):
    register(tables, postgres, database, "few_bytes", mb_max=1)
    assert "limits.mb_max (1 MB)" in tables.error("SELECT wide FROM few_bytes.public.numbers")["message"]
    assert len(tables.rows("SELECT id FROM few_bytes.public.numbers")) == ROWS


def test_time(postgres, database, tables):
    register(tables, postgres, database, "quick", seconds_max=1)
    began = time.monotonic()
    error = tables.error("SELECT id, pause FROM quick.public.slow")
    assert error["code"] == "source_limit_exceeded" and "limits.seconds_max (1 s)" in error["message"] and time.monotonic() - began < 10
    with postgres.connect(database) as session:
        wait_until(lambda: not session.execute("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow%' AND pid <> pg_backend_pid() AND datname = current_database()").fetchall(),
                   what="the source stopped")
    part = tables.query("SELECT id, pause FROM quick.public.slow", partial=True)
    assert part["partial"] is True and len(part["rows"]) < 500


def test_queries_at_the_same_time(postgres, database, tables):
    register(tables, postgres, database, "narrow", queries_max=2)
    with concurrent.futures.ThreadPoolExecutor(2) as clients:
        running = [clients.submit(tables.rows, "SELECT count(pause) FROM (SELECT * FROM narrow.public.slow LIMIT 20)") for _ in range(2)]
        wait_until(lambda: sum("narrow" in query["text"] and query["state"] == "running" for query in tables.get("/v1/queries").json()["items"]) == 2, what="two run")
        time.sleep(0.5)
        error = tables.error("SELECT count(*) FROM narrow.public.numbers")
        assert error["code"] == "source_limit_exceeded" and "limits.queries_max" in error["message"]
        assert [query.result() for query in running] == [[[20]], [[20]]]
    wait_until(lambda: tables.try_query("SELECT count(*) FROM narrow.public.numbers").status_code == 200, what="room again")


def test_limits_are_changed_while_it_runs(postgres, database, tables):
    register(tables, postgres, database, "changed", rows_max=10)
    tables.error("SELECT id FROM changed.public.numbers")
    assert tables.patch("/v1/connectors/changed", {"limits": {"rows_max": 0}}).status_code == 200
    assert len(tables.rows("SELECT id FROM changed.public.numbers")) == ROWS

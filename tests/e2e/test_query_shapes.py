"""Forms of queries around what is pushed: prepared statements, CTEs, views, subqueries, EXPLAIN, many clients at once."""

import concurrent.futures
import json

import pytest


@pytest.fixture(scope="module")
def shop(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE customers (id bigint PRIMARY KEY, region text NOT NULL, credit numeric(12,2) NOT NULL)")
        session.execute("CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL, total numeric(12,2) NOT NULL, placed timestamp NOT NULL)")
        session.execute("INSERT INTO customers SELECT i, (ARRAY['eu','us','asia'])[i % 3 + 1], i * 1.5 FROM generate_series(1, 300) i")
        session.execute("INSERT INTO orders SELECT i, i % 300 + 1, i * 0.25, TIMESTAMP '2024-01-01' + i * INTERVAL '1 hour' FROM generate_series(1, 4000) i")
        session.execute("ANALYZE")
    weir.register(postgres, database, "pg")
    weir.query("CREATE TABLE picks AS SELECT range AS id FROM range(5, 400, 7)")
    weir.query("CREATE VIEW by_region AS SELECT c.region, sum(o.total) AS total FROM pg.public.customers c JOIN pg.public.orders o ON o.customer = c.id GROUP BY c.region")
    return weir


def both_ways(shop, sql, params=None):
    """The answer; it equals the one without pushdown."""
    pushed, unpushed = shop.query(sql, params), shop.query("SET weir_pushdown = false; " + sql, params)
    assert sorted(pushed["rows"], key=repr) == sorted(unpushed["rows"], key=repr), sql
    return pushed


def test_parameters_stand_in_what_is_pushed(shop):
    sql = "SELECT region, count(*) FROM pg.public.customers WHERE credit > $1 GROUP BY region HAVING count(*) > $2 ORDER BY region LIMIT 2"
    for least in (10, 400):
        [scan] = both_ways(shop, sql, [least, 3])["pushdown_summary"]
        assert scan["agg_pushed"] and scan["sort_pushed"] and scan["limit_pushed"] == 2


def test_a_cte_that_is_read_twice_runs_on_the_source_once(shop):
    answer = both_ways(shop, """WITH spent AS (SELECT customer, sum(total) AS s FROM pg.public.orders GROUP BY customer)
                                SELECT count(*) FROM spent a JOIN spent b ON a.s = b.s WHERE a.customer < 100""")
    assert [scan["rows_returned"] for scan in answer["pushdown_summary"]] == [300] and answer["pushdown_summary"][0]["agg_pushed"]


def test_a_cte_that_is_read_once_is_part_of_its_query(shop):
    [scan] = both_ways(shop, "WITH spent AS (SELECT customer, sum(total) AS s FROM pg.public.orders GROUP BY customer) SELECT max(s) FROM spent")["pushdown_summary"]
    assert scan["rows_returned"] == 1


@pytest.mark.parametrize("sql", [
    "SELECT c.id FROM pg.public.customers c WHERE c.credit > (SELECT 3 * max(o.total) FROM pg.public.orders o WHERE o.customer = c.id)",
    "SELECT c.id, (SELECT count(*) FROM pg.public.orders o WHERE o.customer = c.id AND o.total > 900) AS n FROM pg.public.customers c WHERE c.id < 20",
    "SELECT count(*) FROM pg.public.customers c WHERE EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.customer = c.id AND o.total > 900)",
    "SELECT c.region, x.total FROM pg.public.customers c, LATERAL (SELECT sum(o.total) AS total FROM pg.public.orders o WHERE o.customer = c.id) x WHERE c.id < 9",
])
def test_correlated_subqueries(shop, sql):
    answer = both_ways(shop, sql)
    assert any(scan["agg_pushed"] or scan["join_pushed"] for scan in answer["pushdown_summary"])


@pytest.mark.parametrize("sql, rows", [
    ("SELECT id FROM pg.public.customers WHERE credit > (SELECT 3 * min(total) + 440 FROM pg.public.orders)", 7),
    ("SELECT region, sum(credit) AS s FROM pg.public.customers GROUP BY region HAVING sum(credit) > (SELECT 12 * max(total) FROM pg.public.orders)", 3),
    ("SELECT count(*) FROM pg.public.customers WHERE id NOT IN (SELECT customer FROM pg.public.orders WHERE total > 900)", 1),
    ("SELECT region FROM pg.public.customers WHERE id < 9 UNION SELECT region FROM pg.public.customers WHERE id > 290", 3),
])
def test_subqueries_and_unions_are_one_query_of_the_source(shop, sql, rows):
    [scan] = both_ways(shop, sql)["pushdown_summary"]
    assert scan["rows_returned"] == rows and scan["residual_reasons"] == []


def test_first_of_rows_that_looks_like_a_scalar_subquery(shop):
    row = "(SELECT sum(credit) AS x FROM pg.public.customers)"
    assert shop.rows(f"SELECT CASE WHEN count(*) > 0 THEN 7 ELSE first(x) END FROM {row}") == [["7.00"]]
    assert shop.rows(f"SELECT CASE WHEN count(*) > 1 THEN 7 ELSE first(x) END FROM {row}") == shop.rows(f"FROM {row}")


def test_views_over_remote_tables(shop):
    [scan] = both_ways(shop, "SELECT region FROM by_region WHERE total > 1000 ORDER BY total DESC LIMIT 1")["pushdown_summary"]
    assert scan["join_pushed"] and scan["agg_pushed"] and scan["sort_pushed"] and scan["rows_returned"] == 1


def test_windows_above_what_is_pushed(shop):
    [scan] = both_ways(shop, """SELECT region, s, rank() OVER (ORDER BY s DESC) FROM
                                (SELECT region, sum(credit) AS s FROM pg.public.customers GROUP BY region)""")["pushdown_summary"]
    assert scan["rows_returned"] == 3 and "window functions are never pushed" in scan["residual_reasons"]


def test_a_join_with_the_lake_over_a_pushed_aggregate(shop):
    answer = both_ways(shop, "SELECT p.id, o.s FROM picks p JOIN (SELECT customer, sum(total) AS s FROM pg.public.orders GROUP BY customer) o ON o.customer = p.id")
    [scan] = answer["pushdown_summary"]
    assert scan["agg_pushed"] and scan["rows_returned"] == len(answer["rows"])


def test_a_table_made_from_a_query(shop):
    shop.query("CREATE TABLE totals AS SELECT region, sum(credit) AS s, avg(credit) AS a FROM pg.public.customers GROUP BY region")
    assert sorted(shop.rows("FROM totals")) == sorted(shop.rows("SET weir_pushdown = false; SELECT region, sum(credit), avg(credit) FROM pg.public.customers GROUP BY region"))


@pytest.mark.parametrize("form", ["EXPLAIN", "EXPLAIN (FORMAT JSON)"])
def test_explain_shows_what_the_summary_will_say(postgres, shop, form):
    sql = "SELECT region, count(*) FROM pg.public.customers WHERE credit > 10 GROUP BY region ORDER BY region LIMIT 2"
    mark = postgres.log_mark()
    answer = shop.query(f"{form} {sql}")
    assert '"customers"' not in postgres.log_since(mark)
    text = "\n".join(str(cell) for row in answer["rows"] for cell in row)
    if "JSON" in form:
        json.loads(answer["rows"][0][-1])
    [scan] = shop.query(sql)["pushdown_summary"]
    for shown in [*scan["filters_pushed"], *scan["agg_pushed"], "region ASC NULLS LAST"]:
        assert shown in text, text


def test_the_log_keeps_the_last_thousand_queries(shop):
    sql = "SELECT region, max(credit) FROM pg.public.customers GROUP BY region"
    summary = shop.query(sql)["pushdown_summary"]
    for number in range(999):
        shop.query(f"SELECT {number}")
    items = shop.get("/v1/queries").json()["items"]
    assert len(items) == 1000
    assert items[-1]["text"] == sql and items[-1]["summary"]["pushdown_summary"] == summary
    shop.query("SELECT 'one more'")
    items = shop.get("/v1/queries").json()["items"]
    assert len(items) == 1000 and items[-1]["text"] == "SELECT 0" and items[0]["text"] == "SELECT 'one more'"


def test_sessions_on_the_source_do_not_compile(shop, postgres, database):
    with postgres.connect(database) as session:
        session.execute("SET jit = on; CREATE VIEW compiling AS SELECT setting FROM pg_settings WHERE name = 'jit'")
        assert session.execute("SELECT * FROM compiling").fetchall() == [("on",)]
    assert shop.rows("SELECT setting FROM pg.public.compiling") == [["off"]]


def test_the_log_of_queries_keeps_their_summaries(shop):
    sql = "SELECT region, min(credit) FROM pg.public.customers GROUP BY region"
    expected = shop.query(sql)["pushdown_summary"]
    kept = next(item for item in shop.get("/v1/queries").json()["items"] if item["text"] == sql)
    assert kept["summary"]["pushdown_summary"] == expected


def test_fifty_clients_at_once(shop):
    queries = [f"SELECT count(*), sum(o.total), avg(o.total) FROM pg.public.customers c JOIN pg.public.orders o ON o.customer = c.id WHERE c.id % 10 <> {i % 10} AND c.credit > {i}"
               for i in range(50)]
    expected = [shop.rows("SET weir_pushdown = false; " + sql) for sql in queries]
    with concurrent.futures.ThreadPoolExecutor(50) as clients:
        assert list(clients.map(shop.rows, queries * 4)) == expected * 4

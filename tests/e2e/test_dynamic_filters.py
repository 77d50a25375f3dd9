"""Keys of joins go to the source: the same answers with and without, and fewer rows from the server."""

import random

import pytest

from conftest import SANITIZED

ORDERS = 5_000
QUERIES = 30 if SANITIZED else 200
# A join of `o` (remote) with `p` (in the lake), by columns of one type on both sides.
KEYS = ["o.id = p.id", "o.customer = p.id", "o.label = p.label", "o.placed = p.placed", "o.total = p.total", "o.id = p.id AND o.label = p.label", "o.small = p.id",
        "o.id > p.id AND o.id < p.id + 3", "o.score = p.score", "o.blind = p.label", "o.token = p.token"]
# What stands between the join and the table.
BETWEEN = ["SELECT * FROM {o}", "SELECT * FROM {o} WHERE total > 100", "SELECT * FROM {o} WHERE lower(label) <> 'x'", "SELECT * FROM {o} ORDER BY total, id LIMIT 70",
           "SELECT * FROM {o} WHERE lower(label) <> 'x' ORDER BY total, id LIMIT 70", "SELECT * FROM {o} ORDER BY id LIMIT 90 OFFSET 5",
           "SELECT DISTINCT ON (customer) * FROM {o} ORDER BY customer, id", "SELECT DISTINCT * FROM {o}", "SELECT *, row_number() OVER (ORDER BY id) AS n FROM {o}",
           "SELECT o.* FROM {o} o LEFT JOIN {o} x ON x.id = o.customer", "SELECT * FROM {o} UNION ALL SELECT * FROM {o} WHERE id < 50",
           "SELECT o.* FROM (SELECT customer, max(id) AS id FROM {o} GROUP BY customer) g JOIN {o} o ON o.id = g.id"]
JOINS = ["SELECT count(*), sum(o.id), min(p.label) FROM ({o}) o JOIN {p} p ON {on}", "SELECT count(*), sum(o.id) FROM ({o}) o WHERE EXISTS (SELECT 1 FROM {p} p WHERE {on})",
         "SELECT count(*), sum(o.id) FROM ({o}) o LEFT JOIN {p} p ON {on}", "SELECT count(*), sum(o.id) FROM {p} p LEFT JOIN ({o}) o ON {on}",
         "SELECT count(*), sum(o.id) FROM ({o}) o FULL JOIN {p} p ON {on}", "SELECT count(*), sum(o.id) FROM ({o}) o WHERE NOT EXISTS (SELECT 1 FROM {p} p WHERE {on})"]


@pytest.fixture(scope="module")
def tables(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
        session.execute("""CREATE TABLE orders (id bigint PRIMARY KEY, customer int, total numeric(12,2), label text, placed date, small smallint, score float8,
                           blind text COLLATE blind, token uuid,
                           owner bigint NOT NULL GENERATED ALWAYS AS (id % 400) STORED)""")
        session.execute(f"""INSERT INTO orders SELECT i, nullif(i % 400, 0), (i % 700) * 0.25, (ARRAY['a','B','ä','', NULL])[i % 5 + 1] || i % 90, DATE '2024-01-01' + i % 500,
                            i % 300, CASE WHEN i % 50 = 0 THEN 'NaN' ELSE (i % 80) / 4.0 END, 'X' || i % 9, lpad(to_hex(i), 32, '0')::uuid FROM generate_series(1, {ORDERS}) i""")
        session.execute("ANALYZE")
    weir.register(postgres, database, "pg")
    for rows in (0, 1, 3, 60, 1500):
        weir.query(f"""CREATE TABLE picks_{rows} AS SELECT (i * 61) % 5200 + 1 AS id, ['a', 'B', 'ä', 'x', NULL][i % 5 + 1] || i % 90 AS label, DATE '2024-01-01' + (i * 7 % 600)::INTEGER AS placed,
                       ((i % 900) * 0.25)::DECIMAL(12,2) AS total, CASE WHEN i % 9 = 0 THEN 'NaN'::DOUBLE ELSE (i % 90) / 4.0 END AS score,
                       ('00000000-0000-0000-0000-' || lpad(to_hex(i * 3), 12, '0'))::UUID AS token FROM range({rows}) t(i)""")
    return weir


def test_the_same_answers_with_and_without(tables, seed):
    used = 0
    for number in range(QUERIES):
        chance = random.Random(f"{seed}/{number}")
        query = chance.choice(JOINS).format(o=chance.choice(BETWEEN).format(o="pg.public.orders"), p=f"picks_{chance.choice([0, 1, 3, 60, 1500])}", on=chance.choice(KEYS))
        with_keys, without = tables.try_query(query), tables.try_query("SET weir_dynamic_filter = false; " + query)
        assert with_keys.status_code == without.status_code, f"{query}\n{with_keys.text}\n{without.text}"
        if with_keys.status_code != 200:
            continue
        assert with_keys.json()["rows"] == without.json()["rows"], f"WEIR_SEED={seed}, {number}: {query}\n{with_keys.json()['pushdown_summary']}"
        used += sum(s["rows_returned"] for s in with_keys.json()["pushdown_summary"]) < sum(s["rows_returned"] for s in without.json()["pushdown_summary"])
    assert used >= QUERIES / 30, used


@pytest.mark.parametrize("rows, filters, read", [(1, ["id = $1"], 1), (3, ["id IN ($1, $2, $3)"], 3), (60, ["id IN ($1 … $60)"], 60)])
def test_the_keys_are_in_the_summary(tables, rows, filters, read):
    [scan] = tables.query(f"SELECT sum(o.total) FROM pg.public.orders o JOIN picks_{rows} p ON p.id = o.id")["pushdown_summary"]
    assert scan["filters_pushed"] == filters and scan["rows_returned"] == read and "WHERE" in scan["remote_query"]


def test_keys_that_leave_most_rows_go_as_their_range(tables):
    [scan] = tables.query("SELECT count(DISTINCT o.id) FROM pg.public.orders o JOIN picks_1500 p ON p.label = o.label")["pushdown_summary"]
    assert scan["filters_pushed"] == ["label >= $1", "label <= $2"] and scan["rows_returned"] <= ORDERS
    [reason] = [reason for reason in scan["residual_reasons"] if "keys" in reason]
    assert reason == "a list of 72 keys of label would leave about 5000 of 5000 rows: their range is sent"


def test_many_keys_go_as_a_list_where_it_pays(tables):
    [scan] = tables.query("SELECT count(*) FROM pg.public.orders o JOIN (FROM picks_1500 WHERE label IS NOT NULL) p ON p.id = o.id")["pushdown_summary"]
    assert scan["filters_pushed"] == ["id IN ($1 … $1200)"] and scan["rows_returned"] <= 1200


def test_keys_of_what_was_decorrelated_go_below_its_groups(tables):
    query = """SELECT count(*), sum(o.total) FROM pg.public.orders o WHERE o.id IN (50, 61, 77) AND o.total > (SELECT 0.5 * avg(x.total) FROM pg.public.orders x WHERE x.owner = o.owner)"""
    answer = tables.query(query)
    assert answer["rows"] == tables.rows("SET weir_pushdown = false; " + query)
    groups = next(scan for scan in answer["pushdown_summary"] if scan["agg_pushed"])
    assert any(text.startswith("owner IN (") for text in groups["filters_pushed"]) and groups["rows_returned"] == 3


def test_they_go_below_a_pushed_aggregate(tables):
    [scan] = tables.query("SELECT count(*) FROM (SELECT customer, sum(total) AS s FROM pg.public.orders GROUP BY customer) o JOIN picks_3 p ON p.id = o.customer")["pushdown_summary"]
    assert scan["agg_pushed"] and scan["filters_pushed"] == ["customer IN ($1, $2, $3)"] and scan["rows_returned"] <= 3


def test_text_that_does_not_compare_by_its_bytes_stays(tables):
    [scan] = tables.query("SELECT count(*) FROM pg.public.orders o JOIN picks_3 p ON p.label = o.blind")["pushdown_summary"]
    assert scan["filters_pushed"] == [] and scan["rows_returned"] == ORDERS


def test_switched_off_the_whole_table_is_read(tables):
    query = "SELECT count(*) FROM pg.public.orders o JOIN picks_3 p ON p.id = o.id"
    [scan] = tables.query("SET weir_dynamic_filter = off; " + query)["pushdown_summary"]
    assert scan["filters_pushed"] == [] and scan["rows_returned"] == ORDERS
    refused = tables.try_query("SET weir_dynamic_filter = perhaps; " + query)
    assert refused.status_code == 400 and "neither on nor off" in refused.json()["error"]["message"]


def test_each_run_has_its_own_keys(tables):
    query = "SELECT count(*) FROM pg.public.orders o JOIN picks_60 p ON p.id = o.id WHERE p.label = $1"
    for label in ("a0", "B1"):
        expected = tables.rows("SELECT count(*) FROM picks_60 WHERE label = $1 AND id <= 5000", [label])
        assert tables.rows(query, [label]) == expected
    counted = tables.rows("""WITH RECURSIVE walk AS (SELECT id, 1 AS step FROM picks_1
                             UNION ALL SELECT o.id + 1, step + 1 FROM walk w JOIN pg.public.orders o ON o.id = w.id WHERE step < 5) SELECT count(*), max(id) FROM walk""")
    assert counted == tables.rows("""WITH RECURSIVE walk AS (SELECT id, 1 AS step FROM picks_1 UNION ALL SELECT id + 1, step + 1 FROM walk WHERE step < 5)
                                     SELECT count(*), max(id) FROM walk""")

"""Rows of a source that meet others here are grouped there first: the same answers with and without, and fewer rows from the server."""

import random

import pytest

from conftest import SANITIZED

SALES = 20_000
QUERIES = 40 if SANITIZED else 300
# What meets the sales `s`, and what is asked of both.
JOINS = ["FROM {s} s JOIN regions r ON s.region = r.id", "FROM {s} s JOIN regions r ON s.region = r.id AND s.day > r.since", "FROM {s} s JOIN regions r ON r.name = s.label",
         "FROM {s} s LEFT JOIN regions r ON s.region = r.id", "FROM {s} s, regions r WHERE s.region < r.id", "FROM regions r JOIN {s} s ON s.region IS NOT DISTINCT FROM r.id",
         "FROM {s} s JOIN regions r ON s.region = r.id JOIN regions x ON x.id = r.id + 1", "FROM {s} s JOIN regions r ON s.region = r.id WHERE s.day < r.since OR r.name > 'c'",
         "FROM regions r LEFT JOIN {s} s ON s.region = r.id", "FROM {s} s FULL JOIN regions r ON s.region = r.id"]
EXISTS = ["FROM {s} s WHERE s.region IN (SELECT id FROM regions)", "FROM {s} s WHERE NOT EXISTS (SELECT 1 FROM regions WHERE id = s.region)", "FROM {s} s WHERE md5(s.label) > '5'"]
AGGREGATES = ["count(*)", "count(s.amount)", "sum(s.amount)", "sum(s.units)", "min(s.units)", "max(s.amount)", "avg(s.units)", "avg(s.amount)", "max(s.label)", "min(s.day)", "max(s.score)",
              "sum(s.amount) FILTER (WHERE s.units > 2)", "avg(s.units) FILTER (WHERE s.label = 'b')", "count(s.units) FILTER (WHERE s.day > DATE '2024-01-20')", "sum(s.small)", "avg(s.small)"]
# These do not follow from those of the groups.
WHOLE = ["count(DISTINCT s.units)", "sum(s.score)", "avg(s.score)", "sum(s.units * s.small)", "median(s.units)"]
OF_BOTH = ["max(r.name)", "min(r.since)", "sum(r.id)", "count(r.id)", "sum(s.units + r.id)"]
GROUPS = ["", "s.region", "s.label", "s.day", "s.region, s.label", "upper(s.label)"]
GROUPS_OF_BOTH = ["r.name", "r.name, s.label", "r.since", "r.id % 2"]
# What stands between the join and the table.
BETWEEN = ["pg.public.sales", "pg.public.sales", "(SELECT * FROM pg.public.sales WHERE units > 3)", "(SELECT * FROM pg.public.sales WHERE md5(label) > '3')",
           "(SELECT s.* FROM pg.public.sales s JOIN pg.public.sales t ON t.id = s.other)"]


@pytest.fixture(scope="module")
def tables(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("""CREATE TABLE sales (id bigint PRIMARY KEY, other bigint, region int, label text, day date, amount numeric(12,2), units int, small smallint, score float8)""")
        session.execute(f"""INSERT INTO sales SELECT i, (i * 7) % {SALES} + 1, nullif(i % 12, 0), (ARRAY['a','b','ä','', NULL])[i % 5 + 1], DATE '2024-01-01' + i % 40, nullif((i % 700) * 0.25 - 50, 0),
                            nullif(i % 9, 4), i % 300 - 100, CASE WHEN i % 50 = 0 THEN 'NaN' ELSE (i % 80) / 4.0 END FROM generate_series(1, {SALES}) i""")
        session.execute("CREATE TABLE nobody AS SELECT * FROM sales LIMIT 0; ANALYZE")
    weir.register(postgres, database, "pg")
    weir.query("""CREATE TABLE regions AS SELECT CASE WHEN i = 3 THEN NULL ELSE i % 8 END AS id, ['a', 'b', 'ä', 'x', NULL][i % 5 + 1] AS name, DATE '2024-01-10' + (i * 3)::INTEGER AS since
                  FROM range(15) t(i)""")
    return weir


def generated(chance):
    if alone := chance.random() < 0.25:
        join, groups, aggregates = chance.choice(EXISTS), GROUPS, AGGREGATES
    else:
        join, groups, aggregates = chance.choice(JOINS), GROUPS + GROUPS_OF_BOTH, AGGREGATES + ([] if chance.random() < 0.8 else OF_BOTH)
    if chance.random() < 0.1:
        aggregates = aggregates + WHOLE
    group = chance.choice(groups)
    outputs = ([group] if group else []) + chance.sample(aggregates, chance.randint(1, 4))
    having = chance.choice(["", "", " HAVING count(*) > 100"])
    distinct = "" if alone else chance.choice(["", "", "", "DISTINCT "])
    query = f"SELECT {distinct}{', '.join(outputs)} {join.format(s=chance.choice(BETWEEN))}"
    return query + (f" GROUP BY {group}" if group else "") + having + " ORDER BY ALL"


def test_the_same_answers_with_and_without(tables, seed):
    grouped = 0
    for number in range(QUERIES):
        query = generated(random.Random(f"{seed}/{number}"))
        there, here = tables.try_query(query), tables.try_query("SET weir_pushdown = false; " + query)
        where = f"WEIR_SEED={seed}, {number}: {query}"
        assert there.status_code == here.status_code == 200, f"{where}\n{there.text}\n{here.text}"
        assert str(there.json()["rows"]) == str(here.json()["rows"]), f"{where}\n{there.json()['pushdown_summary']}"
        grouped += any(scan["agg_pushed"] for scan in there.json()["pushdown_summary"])
    assert grouped >= QUERIES / 4, grouped


def pushed(tables, query):
    [scan] = tables.query(query)["pushdown_summary"]
    return scan


def test_what_the_source_is_asked_for(tables):
    scan = pushed(tables, "SELECT r.name, sum(s.amount), avg(s.units), count(*) FROM pg.public.sales s JOIN regions r ON s.region = r.id GROUP BY r.name")
    assert scan["agg_pushed"] == ["SUM(amount)", "SUM(units)", "COUNT(units)", "COUNT(*)", "GROUP BY region"]
    assert scan["rows_returned"] <= 12 and scan["agg_residual_reason"] == "cross-source group-by"
    assert 'GROUP BY t1."region"' in scan["remote_query"]


@pytest.mark.parametrize("query", ["SELECT count(DISTINCT s.units) FROM pg.public.sales s JOIN regions r ON s.region = r.id",
                                   "SELECT sum(r.id) FROM pg.public.sales s JOIN regions r ON s.region = r.id",
                                   "SELECT sum(s.score) FROM pg.public.sales s JOIN regions r ON s.region = r.id",
                                   "SELECT count(*) FROM regions r LEFT JOIN pg.public.sales s ON s.region = r.id",
                                   "SELECT count(*) FROM pg.public.sales s JOIN regions r ON s.region = r.id AND random() < 2",
                                   "SELECT sum(s.units * s.small) FROM pg.public.sales s JOIN regions r ON s.region = r.id",
                                   "SELECT count(*) FROM pg.public.sales s JOIN regions r ON s.id > r.id"], ids=["distinct", "of the other", "floats", "outer", "chance", "may fail", "as many groups"])
def test_what_is_not_grouped_there(tables, query):
    scan = pushed(tables, query)
    assert not scan["agg_pushed"] and scan["agg_residual_reason"]
    if "random" not in query:
        assert tables.rows(query) == tables.rows("SET weir_pushdown = false; " + query)


def test_no_rows_are_none(tables):
    query = "SELECT count(*), count(s.units), sum(s.amount), avg(s.units) FROM pg.public.nobody s JOIN regions r ON s.region = r.id"
    assert tables.rows(query) == [[0, 0, None, None]]
    assert tables.rows("SELECT count(*), sum(s.units) FROM pg.public.sales s JOIN regions r ON s.region = r.id + 1000") == [[0, None]]


def test_the_keys_of_the_join_go_below_the_groups(tables):
    scan = pushed(tables, "SELECT sum(s.amount) FROM pg.public.sales s JOIN (FROM regions WHERE id IN (2, 5)) r ON s.region = r.id")
    assert scan["agg_pushed"] and scan["filters_pushed"] == ["region IN ($1, $2)"] and scan["rows_returned"] == 2

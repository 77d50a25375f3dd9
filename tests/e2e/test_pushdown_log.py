"""What was pushed, by the server's own log and not by our summary."""

import pytest

from conftest import wait_until


@pytest.fixture(scope="module")
def shop(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("""CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)""")
        session.execute("""CREATE TABLE users (id bigint PRIMARY KEY, email text, region text, blind text COLLATE blind, fixed char(5), credit numeric(12,2), seen timestamptz, wide text)""")
        session.execute("""INSERT INTO users SELECT i, 'u' || i, (ARRAY['eu','us'])[i % 2 + 1], 'x', 'ab', i, now(), repeat('w', 100) FROM generate_series(1, 500) i""")
        session.execute("""CREATE TYPE pair AS (left_part integer, right_part text)""")
        session.execute("""ALTER TABLE users ADD small smallint, ADD zone timetz, ADD doc jsonb, ADD nets inet[], ADD both_parts pair""")
        session.execute("""UPDATE users SET small = id, zone = '12:00+02', doc = '{}', nets = '{10.0.0.1}', both_parts = row(null, null) WHERE id % 5 = 0""")
        session.execute("ANALYZE")
    weir.register(postgres, database)
    weir.query("CREATE TABLE picks AS SELECT 7 AS id")
    return weir


def statements(postgres, shop, sql):
    """The SELECT or COPY statements that the server logged for `sql`, with the parameters it logged."""
    mark = postgres.log_mark()
    answer = shop.query(sql)
    remote = [scan["remote_query"] for scan in answer["pushdown_summary"]]
    wait_until(lambda: all(text is None or text in postgres.log_since(mark) for text in remote), what=f"the server logged {remote}")
    lines = [line for line in postgres.log_since(mark).splitlines() if '"users"' in line or "DETAIL" in line]
    return answer, "\n".join(lines)


@pytest.mark.parametrize("predicate, logged", [
    ("id = 42", '"id" = '), ("region = 'eu'", '"region" = '), ("id IN (1, 2, 3)", '"id"'), ("credit > 10.5", '"credit" > '),
    ("seen IS NOT NULL", '"seen" IS NOT NULL'), ("email LIKE 'u1%'", '"email"'), ("id = 1 OR region = 'us'", " OR "), ("NOT (id > 10)", '"id" <= '),
    ("id BETWEEN 3 AND 5", '"id" >= '), ("region < 'f'", 'COLLATE "C"'),
    # A NULL among numbers: its list goes there as it is.
    ("id IN (1, NULL, 3)", '"id" = ANY'), ("id NOT IN (1, NULL)", '"id" <> ALL'), ("small IN (5, NULL)", '"small" = ANY'),
    ("credit IN (10.5, 20, NULL)", '"credit" = ANY'), ("id IN (NULL)", '"id" = ANY'), ("id NOT IN (NULL)", '"id" <> ALL'), ("id IN (1, NULL) OR small = 5", " OR "),
    # Whether a value is there does not depend on how it travels or compares.
    ("zone IS NULL", '"zone" IS NOT DISTINCT FROM NULL'), ("zone IS NOT NULL", '"zone" IS DISTINCT FROM NULL'), ("doc IS NOT NULL", '"doc" IS DISTINCT FROM NULL'),
    ("nets IS NULL", '"nets" IS NOT DISTINCT FROM NULL'), ("both_parts IS NOT NULL", '"both_parts"::text IS NOT NULL'), ("both_parts IS NULL", '"both_parts"::text IS NULL'),
    ("length(email) = 2", 'length("email")::int8 = '), ("coalesce(small, 5) = 5", 'coalesce("small", '), ("substring(region, 1, 1) = 'e'", 'substring("region", 1, 1)'),
    ("CASE WHEN small > 5 THEN credit ELSE 0 END > 7", "CASE WHEN"), ("credit * 2 + small > 40", '"credit" * '), ("abs(credit - 10) < 3", "abs("),
    ("blind IS NOT NULL", '"blind" IS NOT NULL'), ("fixed IS NULL", '"fixed" IS NULL'),
])
def test_predicate_reaches_the_server(postgres, shop, predicate, logged):
    answer, log = statements(postgres, shop, f"SELECT id FROM pg_prod.public.users WHERE {predicate}")
    assert logged in log, log
    [scan] = answer["pushdown_summary"]
    assert scan["filters_pushed"] and not scan["filters_residual"]
    assert scan["rows_returned"] == len(answer["rows"])  # the server sent no row that was thrown away


@pytest.mark.parametrize("predicate", ["blind = 'X'", "fixed = 'ab'", "lower(email) = 'u1'", "id % 2 = 1", "blind LIKE 'x%'", "length(blind) = 2", "id + 1 > small + small", "email ILIKE 'U1%'"])
def test_what_is_not_proven_stays_here_with_a_reason(postgres, shop, predicate):
    answer, log = statements(postgres, shop, f"SELECT id FROM pg_prod.public.users WHERE {predicate}")
    [scan] = answer["pushdown_summary"]
    assert scan["filters_pushed"] == [] and len(scan["filters_residual"]) >= 1 and len(scan["residual_reasons"]) >= 1
    assert " WHERE " not in log, log
    assert scan["rows_returned"] == 500


def test_a_cast_of_ones_own_does_not_deceive_a_null_test(postgres, database, weir):
    """Casts to text may answer NULL for a value; what arrives decides, wherever it is tested."""
    with postgres.connect(database) as session:
        session.execute("""CREATE TYPE secretive AS (part integer);
                           CREATE FUNCTION hide(secretive) RETURNS text LANGUAGE sql AS 'SELECT CASE WHEN ($1).part > 1 THEN ''shown'' END';
                           CREATE CAST (secretive AS text) WITH FUNCTION hide(secretive);
                           CREATE TABLE hidden AS SELECT i AS id, row(i)::secretive AS v FROM generate_series(1, 3) i""")
    weir.register(postgres, database, name="pg_hidden")
    query = "SELECT id FROM pg_hidden.public.hidden WHERE v IS NULL"
    answer = weir.query(query)
    assert answer["pushdown_summary"][0]["filters_residual"] == []
    assert answer["rows"] == weir.rows("SET weir_pushdown = false; " + query) == [[1]]


def test_only_the_columns_asked_for_are_read(postgres, shop):
    _, log = statements(postgres, shop, "SELECT id FROM pg_prod.public.users WHERE region = 'eu'")
    assert '"wide"' not in log and '"email"' not in log


def test_counting_reads_no_column(postgres, shop):
    answer, log = statements(postgres, shop, "SELECT count(*) FROM pg_prod.public.users")
    assert answer["rows"] == [[500]]
    assert not any(f'"{c}"' in log for c in ("id", "email", "wide")), log


def test_limit_reaches_the_server(postgres, shop):
    answer, log = statements(postgres, shop, "SELECT id FROM pg_prod.public.users LIMIT 7")
    assert "LIMIT 7" in log and answer["pushdown_summary"][0]["rows_returned"] == 7
    answer, log = statements(postgres, shop, "SELECT id FROM pg_prod.public.users LIMIT 7 OFFSET 3")
    assert "LIMIT 7 OFFSET 3" in log and len(answer["rows"]) == 7 and answer["pushdown_summary"][0]["rows_returned"] == 7


def test_limit_over_a_residual_filter_stays_here(postgres, shop):
    answer, log = statements(postgres, shop, "SELECT id FROM pg_prod.public.users WHERE lower(email) LIKE 'u%' LIMIT 7")
    assert "LIMIT" not in log and len(answer["rows"]) == 7 and answer["pushdown_summary"][0]["limit_pushed"] is None


def test_summary_counts_what_the_server_sent(postgres, shop):
    [scan] = shop.query("SELECT * FROM pg_prod.public.users WHERE id <= 10 AND lower(email) <> 'u1'")["pushdown_summary"]
    assert scan["filters_pushed"] == ["id <= $1"] and len(scan["filters_residual"]) == 1
    assert scan["rows_returned"] == 10 and scan["bytes_received"] > 10 * 100


def test_each_scan_has_its_entry(shop):
    scans = shop.query("SELECT a.id FROM pg_prod.public.users a JOIN pg_prod.public.users b ON a.email = b.email JOIN picks p ON p.id = a.id")["pushdown_summary"]
    assert [s["table"] for s in scans] == ["public.users"] * 2


def test_explain_shows_the_same_before_running(postgres, shop):
    mark = postgres.log_mark()
    text = "\n".join(str(cell) for row in shop.rows("EXPLAIN SELECT id FROM pg_prod.public.users WHERE region = 'eu' AND lower(email) = 'u1' LIMIT 3") for cell in row)
    assert "region" in text and "users" in text and "lower" in text
    assert 'FROM "public"."users"' not in postgres.log_since(mark)


def test_prepared_values_are_pushed_too(postgres, shop):
    answer = shop.query("SELECT email FROM pg_prod.public.users WHERE id = $1", [42])
    assert answer["rows"] == [["u42"]] and answer["pushdown_summary"][0]["filters_pushed"] == ["id = $1"]
    assert answer["pushdown_summary"][0]["rows_returned"] == 1


def test_switched_off_nothing_is_pushed(postgres, shop):
    [scan] = shop.query("SET weir_pushdown = false; SELECT id FROM pg_prod.public.users WHERE id = 1 LIMIT 1")["pushdown_summary"]
    assert scan["filters_pushed"] == [] and scan["limit_pushed"] is None and scan["rows_returned"] == 500


def test_aggregates_run_on_the_server_or_say_why_not(postgres, shop):
    answer, log = statements(postgres, shop, "SELECT region, count(*) FROM pg_prod.public.users GROUP BY region")
    [scan] = answer["pushdown_summary"]
    assert 'count(*) AS c1 FROM "public"."users" AS t1 GROUP BY t1."region"' in log
    assert scan["agg_pushed"] == ["COUNT(*)", "GROUP BY region"] and scan["agg_residual_reason"] is None and scan["rows_returned"] == len(answer["rows"])
    [scan] = shop.query("SELECT region, count(*), string_agg(email, ',') FROM pg_prod.public.users GROUP BY region")["pushdown_summary"]
    assert scan["agg_pushed"] is None and "string_agg" in scan["agg_residual_reason"]


@pytest.mark.parametrize("sql, logged", [
    ("SELECT sum(credit * (1 - credit)) FROM {t}", '($1 - "credit"))::numeric(18,4)'),
    ("SELECT year(seen::DATE), count(DISTINCT id) FROM {t} GROUP BY 1", None),
    ("SELECT length(email), max(credit) FROM {t} GROUP BY 1", 'GROUP BY length(t1."email")::int8'),
    ("SELECT substring(email, 1, 2) AS start, count(*) FROM {t} GROUP BY 1", 'GROUP BY (substring(t1."email", 1, 2) COLLATE "C")'),
    ("SELECT region, sum(CASE WHEN small > 5 THEN 1 ELSE 0 END) FROM {t} GROUP BY 1", "sum((CASE WHEN"),
    ("SELECT region, avg(credit), avg(id) FROM {t} GROUP BY 1", 'sum(t1."credit")'),
    ("SELECT id, credit - small AS rest FROM {t} ORDER BY rest DESC, id LIMIT 3", "ORDER BY (t1"),
])
def test_values_are_computed_on_the_server(postgres, shop, sql, logged):
    text = sql.replace("{t}", "pg_prod.public.users")
    answer, log = statements(postgres, shop, text)
    [scan] = answer["pushdown_summary"]
    if logged is None:
        assert scan["agg_pushed"] is None and "cast" in scan["agg_residual_reason"], scan
    else:
        assert logged in log.replace("t1.", "") if "t1" not in logged else logged in log, log
        assert (scan["agg_pushed"] or scan["sort_pushed"]) and scan["rows_returned"] == len(answer["rows"])
    assert sorted(answer["rows"], key=str) == sorted(shop.rows("SET weir_pushdown = false; " + text), key=str)


def test_all_scans_of_one_query_see_one_snapshot(postgres, shop, database):
    """Two reads in one query while a writer keeps a sum constant across two tables."""
    import threading
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE left_account AS SELECT 1000000 AS amount; CREATE TABLE right_account AS SELECT 0 AS amount")
    stop = threading.Event()

    def write():
        with postgres.connect(database) as session:
            while not stop.is_set():
                session.execute("BEGIN; UPDATE left_account SET amount = amount - 1; UPDATE right_account SET amount = amount + 1; COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            assert shop.rows("SELECT l.amount + r.amount FROM pg_prod.public.left_account l, pg_prod.public.right_account r") == [[1000000]]
    finally:
        stop.set()
        writer.join()

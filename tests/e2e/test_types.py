"""Types survive: what psycopg reads as text and what Weir answers in JSON are the same values."""


import pyarrow
import pytest

INTEGERS = {"smallint": ["-32768", "32767"], "integer": ["-2147483648", "2147483647"], "bigint": ["-9223372036854775808", "9223372036854775807"], "oid": ["4294967295"]}
CASES = [
    # PostgreSQL expression, SQL type here, JSON value
    ("true", "BOOLEAN", True),
    ("'NaN'::float8", "DOUBLE", "NaN"), ("'Infinity'::float8", "DOUBLE", "Infinity"), ("'-Infinity'::float4", "FLOAT", "-Infinity"),
    ("1e-45::float4", "FLOAT", 1e-45), ("5e-324::float8", "DOUBLE", 5e-324), ("1.7976931348623157e308::float8", "DOUBLE", 1.7976931348623157e308), ("0.1::float4", "FLOAT", 0.1),
    ("9999999999.99::numeric(12,2)", "DECIMAL(12,2)", "9999999999.99"), ("(-0.01)::numeric(12,2)", "DECIMAL(12,2)", "-0.01"), ("0::numeric(12,2)", "DECIMAL(12,2)", "0.00"),
    ("99999999999999999999999999999999999999::numeric(38,0)", "DECIMAL(38,0)", "9" * 38), ("0.0001::numeric(4,4)", "DECIMAL(4,4)", "0.0001"),
    ("3.14::numeric", "DECIMAL(38,10)", "3.1400000000"),
    ("E'a\\nb\"c\\\\d\u00e9\U0001F600'::text", "VARCHAR", 'a\nb"c\\d\u00e9\U0001F600'), ("''::text", "VARCHAR", ""), ("'ab'::char(5)", "VARCHAR", "ab   "), ("'x'::name", "VARCHAR", "x"),
    ("'\\x00ff10'::bytea", "BLOB", "AP8Q"), ("''::bytea", "BLOB", ""),
    ("'2024-02-29'::date", "DATE", "2024-02-29"), ("'infinity'::date", "DATE", "infinity"), ("'-infinity'::date", "DATE", "-infinity"),
    ("'23:59:59.999999'::time", "TIME", "23:59:59.999999"),
    ("'2024-02-29 12:00:00.123456'::timestamp", "TIMESTAMP", "2024-02-29T12:00:00.123456"), ("'infinity'::timestamp", "TIMESTAMP", "infinity"),
    ("'2024-02-29 12:00:00.123456+05:30'::timestamptz", "TIMESTAMP WITH TIME ZONE", "2024-02-29T06:30:00.123456Z"), ("'-infinity'::timestamptz", "TIMESTAMP WITH TIME ZONE", "-infinity"),
    ("'ffffffff-0000-4000-8000-000000000001'::uuid", "UUID", "ffffffff-0000-4000-8000-000000000001"),
    ("'{1,NULL,3}'::int[]", "INTEGER[]", [1, None, 3]), ("'{}'::text[]", "VARCHAR[]", []), ("'{a,NULL,\"b,c\"}'::text[]", "VARCHAR[]", ["a", None, "b,c"]),
    ("'{1.50,NULL}'::numeric(6,2)[]", "DECIMAL(6,2)[]", ["1.50", None]),
    ("'12:00:00+02'::timetz", "VARCHAR", "12:00:00+02"), ("'[1,5)'::int4range", "VARCHAR", "[1,5)"), ("'10.0.0.0/8'::inet", "VARCHAR", "10.0.0.0/8"),
    ("'12.34'::money", "VARCHAR", "$12.34"), ("B'10101'::varbit", "VARCHAR", "10101"), ("row(1,'a,b')::pair", "VARCHAR", '(1,"a,b")'), ("'Zen'::mood", "VARCHAR", "Zen"),
    ("'a=>1'::hstore", "VARCHAR", '"a"=>"1"'), ("'<a/>'::xml", "VARCHAR", "<a/>"), ("42::quantity", "INTEGER", 42), ("'Ada'::citext", "VARCHAR", "Ada"),
]
CASES += [(f"({v})::{t}", {"smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "oid": "UINTEGER"}[t], int(v)) for t, vs in INTEGERS.items() for v in vs]


@pytest.fixture(scope="module")
def typed(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("""CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('sad', 'Zen');
                           CREATE DOMAIN quantity AS integer; CREATE TYPE pair AS (l integer, r text)""")
        for i, (expression, _, _) in enumerate(CASES):
            session.execute(f"CREATE TABLE case_{i} AS SELECT 1 AS id, {expression} AS v; INSERT INTO case_{i} VALUES (2, NULL)")
    weir.register(postgres, database)
    return weir


@pytest.mark.parametrize("case", range(len(CASES)), ids=[c[0][:40].encode("ascii", "replace").decode() for c in CASES])
def test_value(typed, case):
    expression, sql_type, expected = CASES[case]
    # Twice: by the extended protocol (small) and by COPY in parallel ranges are both paths of the reader.
    answer = typed.query(f"SELECT v FROM pg_prod.public.case_{case} ORDER BY id")
    assert answer["columns"] == [{"name": "v", "type": sql_type}]
    assert answer["rows"] == [[expected], [None]]


def test_negative_zero_keeps_its_sign(typed, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE zeros AS SELECT '-0'::float8 AS v")
    assert typed.rows("SELECT 1 / v FROM pg_prod.public.zeros") in ([["-Infinity"]], [[None]])
    assert typed.rows("SELECT signbit(v) FROM pg_prod.public.zeros") == [[True]]


def test_json_arrives_as_json(typed, postgres, database):
    with postgres.connect(database) as session:
        session.execute("""CREATE TABLE documents AS SELECT '{"b": [1, null], "a": 1.50}'::json AS j, '{"a": 12345678901234567890.10}'::jsonb AS b""")
    answer = typed.query("SELECT j, b FROM pg_prod.public.documents")
    assert [c["type"] for c in answer["columns"]] == ["JSON", "JSON"]
    assert typed.rows("SELECT CAST(j AS VARCHAR), CAST(b AS VARCHAR) FROM pg_prod.public.documents") == [['{"b": [1, null], "a": 1.50}', '{"a": 12345678901234567890.10}']]


def test_intervals_keep_months_days_and_microseconds(typed, postgres, database):
    with postgres.connect(database) as session:
        session.execute("""CREATE TABLE intervals AS SELECT * FROM (VALUES (1, '1 month'::interval), (2, '30 days'), (3, '720 hours'),
                           (4, '-1 year 2 months -3 days 04:05:06.000007'), (5, '2562047788 hours')) t(id, v)""")
    assert typed.rows("SELECT datepart('month', v), datepart('day', v), datepart('hour', v) FROM pg_prod.public.intervals WHERE id <= 3 ORDER BY id") == [
        [1, 0, 0], [0, 30, 0], [0, 0, 720]]
    assert typed.rows("SELECT CAST(v AS VARCHAR) FROM pg_prod.public.intervals WHERE id = 4") == [["-10 months -3 days 04:05:06.000007"]]
    assert typed.rows("SELECT datepart('hour', v) FROM pg_prod.public.intervals WHERE id = 5") == [[2562047788]]


def test_years_before_christ(typed, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE old AS SELECT '0044-03-15 BC'::date AS d, '0044-03-15 01:02:03 BC'::timestamp AS t, '4713-01-01 BC'::date AS first")
    assert typed.rows("SELECT CAST(d AS VARCHAR), CAST(t AS VARCHAR), CAST(first AS VARCHAR) FROM pg_prod.public.old") == [
        ["0044-03-15 (BC)", "0044-03-15 (BC) 01:02:03", "4713-01-01 (BC)"]]


def test_numeric_mode_decides_for_numbers_without_a_precision(typed, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE free AS SELECT '12345678901234567890123456789012345678901234567890.5'::numeric AS v UNION ALL SELECT 'NaN'")
    assert typed.error("SELECT * FROM pg_prod.public.free")["code"] == "value_out_of_range"
    typed.register(postgres, database, name="pg_text", numeric_mode="string")
    assert typed.rows("SELECT v FROM pg_text.public.free") == [["12345678901234567890123456789012345678901234567890.5"], ["NaN"]]
    typed.register(postgres, database, name="pg_double", numeric_mode="double")
    assert typed.rows("SELECT v FROM pg_double.public.free") == [[1.2345678901234567e49], ["NaN"]]


def test_large_reads_give_the_same_rows_as_psycopg(typed, postgres, database):
    """200,000 rows through COPY in parallel ranges, against psycopg's own sums and checksum."""
    with postgres.connect(database) as session:
        session.execute("""CREATE TABLE large AS SELECT i AS id, i * 1.01::numeric(12,2) AS amount, md5(i::text) AS digest,
                           CASE WHEN i % 7 = 0 THEN NULL ELSE i % 100 END AS small, timestamptz '2024-01-01Z' + i * interval '1 second' AS at FROM generate_series(1, 200000) i""")
        session.execute("ALTER TABLE large ALTER amount TYPE numeric(12,2); DELETE FROM large WHERE id % 10 = 3; ANALYZE large")
        rows = session.execute("SELECT id, amount, digest, small, extract(epoch from at)::bigint FROM large ORDER BY id").fetchall()
    answer = typed.post("/v1/query", {"query": "SELECT id, amount, digest, small, CAST(epoch(large.\"at\") AS BIGINT) AS seconds FROM pg_prod.public.large ORDER BY id"},
                        headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pyarrow.ipc.open_stream(answer.content).read_all()
    assert list(zip(*[table.column(i).to_pylist() for i in range(5)])) == rows


def test_ctas_into_the_lake_keeps_every_type(typed):
    for i, (expression, sql_type, expected) in enumerate(CASES):
        if sql_type in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE") and "infinity" in str(expected):
            continue  # held by test_infinities_survive_the_lake
        typed.query(f"CREATE OR REPLACE TABLE copy_of_case AS SELECT * FROM pg_prod.public.case_{i}")
        answer = typed.query("SELECT v FROM copy_of_case ORDER BY id")
        assert answer["columns"][0]["type"] == sql_type, expression
        assert answer["rows"] == [[expected], [None]], expression


def test_infinities_survive_the_lake(typed, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE ends AS SELECT 'infinity'::timestamp AS t, '-infinity'::timestamptz AS z, 'infinity'::date AS d")
    typed.query("CREATE OR REPLACE TABLE ends AS SELECT * FROM pg_prod.public.ends")
    assert typed.rows("SELECT * FROM ends") == [["infinity", "-infinity", "infinity"]]

"""Other programs read a lake that Weir wrote, with the same result: DuckDB's Python package, and ducklake-dataframe with
Polars, which shares no code with DuckLake's extension (it reads the catalog's tables as plain SQL and the extents with
Polars' own Parquet reader)."""

import csv
import io
import subprocess

import ducklake_polars
import polars
import pytest

from clients import duckdb_session
from conftest import WEIR

ROWS = 100_000

STATEMENTS = [
    f"""CREATE TABLE facts AS SELECT
          i::BIGINT AS id, 'name ' || i AS name, (i / 7.0)::DOUBLE AS score, (i * 1.01)::DECIMAL(18,4) AS amount,
          DATE '2020-01-01' + (i % 3000)::INT AS day, TIMESTAMP '2024-01-01' + to_microseconds(i * 1000001) AS made_at,
          TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(i) AS seen_at, CASE WHEN i % 11 = 0 THEN NULL ELSE i % 2 = 0 END AS flag,
          [i, i + 1] AS pair, {{'a': i, 'b': 'x' || i}} AS nested, ('\\x' || lpad((i % 100)::VARCHAR, 2, '0'))::BLOB AS raw
        FROM range({ROWS}) t(i)""",
    "UPDATE facts SET name = 'changed ' || id, score = score * 2 WHERE id % 9 = 0",
    "DELETE FROM facts WHERE id % 13 = 5",
    "ALTER TABLE facts ADD COLUMN note VARCHAR",
    "ALTER TABLE facts ADD COLUMN grade INTEGER DEFAULT 3",
    "INSERT INTO facts (id, amount, note, grade) SELECT 200000 + i, 1, 'new', i FROM range(500) t(i)",
    "UPDATE facts SET note = 'touched' WHERE id % 17 = 3",
    "DELETE FROM facts WHERE id BETWEEN 50000 AND 50010",
    "INSERT INTO facts (id, name) VALUES (-1, 'ünïcode ''quoted'' 🦆'), (-2, '')",
]

SUMMARY = """SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(id) AS id_sum, sum(amount) AS amount_sum, count(flag) AS flags,
               sum(length(name)) AS letters, count(*) FILTER (note IS NULL) AS untouched, sum(grade) AS grades, count(*) FILTER (note = 'touched') AS touched,
               min(made_at) AS first_at, max(day) AS last_day FROM facts"""


def weir_sql(data_dir, sql):
    """The rows of `weir sql`, as texts."""
    done = subprocess.run([WEIR, "sql", "--data-dir", str(data_dir), "--format", "csv", sql], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{sql}\n{done.stdout}{done.stderr}"
    return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))][1:]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of 100,000 rows with updates, deletes and an added column, and the version before the last statements."""
    data_dir = tmp_path_factory.mktemp("strangers") / "data"
    for statement in STATEMENTS[:3]:
        weir_sql(data_dir, statement)
    version = int(weir_sql(data_dir, "SELECT max(snapshot_id) FROM weir_snapshots")[0][0])
    for statement in STATEMENTS[3:]:
        weir_sql(data_dir, statement)
    return data_dir, version


def by_duckdb(data_dir, version=None):
    """All rows in the order of ids, without `grade`, which not everybody reads right; `seen_at` last, in microseconds."""
    session = duckdb_session(data_dir, read_only=True)
    source, excluded = (f"facts AT (VERSION => {version})", "seen_at") if version else ("facts", "seen_at, grade")
    return session.execute(f"SELECT * EXCLUDE ({excluded}), epoch_us(seen_at) FROM {source} ORDER BY id").fetchall()


def by_polars(data_dir, version=None):
    """ducklake-dataframe takes a DuckDB file for a catalog when it is named with the prefix `duckdb:`."""
    return ducklake_polars.scan_ducklake(f"duckdb:{data_dir}/catalog.ducklake", "facts", snapshot_version=version)


def rows_of(frame):
    return frame.drop("grade", strict=False).with_columns(polars.col("seen_at").dt.epoch("us").alias("us")).drop("seen_at").sort("id").collect().rows()


def test_duckdb_sums_up_as_weir_does(lake):
    data_dir, _ = lake
    session = duckdb_session(data_dir, read_only=True)
    theirs = session.execute(f"SELECT columns(*)::VARCHAR FROM ({SUMMARY})").fetchall()
    session.close()
    assert weir_sql(data_dir, f"SELECT columns(*)::VARCHAR FROM ({SUMMARY})") == theirs


def test_duckdb_reads_every_row(lake):
    data_dir, _ = lake
    rows = by_duckdb(data_dir)
    expected = [i for i in range(ROWS) if i % 13 != 5 and not 50_000 <= i <= 50_010] + list(range(200_000, 200_500)) + [-2, -1]
    assert [row[0] for row in rows] == sorted(expected)


def test_polars_reads_the_same_rows_as_duckdb(lake):
    data_dir, _ = lake
    assert rows_of(by_polars(data_dir)) == by_duckdb(data_dir)


def test_polars_reads_the_same_past_as_duckdb(lake):
    data_dir, version = lake
    past = by_duckdb(data_dir, version)
    assert len(past) == sum(i % 13 != 5 for i in range(ROWS))
    assert rows_of(by_polars(data_dir, version)) == past


def test_only_the_extension_knows_the_default_of_a_column_that_was_added(lake):
    """ducklake-dataframe 1.0.0 does not read `initial_default`: rows older than the column are NULL to it, and 3 to others."""
    data_dir, _ = lake
    old = "FROM facts WHERE id BETWEEN 0 AND 100 AND note IS NULL"
    session = duckdb_session(data_dir, read_only=True)
    assert session.execute(f"SELECT DISTINCT grade {old}").fetchall() == [(3,)]
    session.close()
    assert weir_sql(data_dir, f"SELECT DISTINCT grade {old}") == [("3",)]
    assert by_polars(data_dir).filter(polars.col("id") == 1).collect()["grade"].to_list() == [None]


def test_weir_reads_on_after_a_stranger_wrote(lake, tmp_path):
    """A stranger's changes are ours too, and follow the lake's options: files, no inlined rows."""
    data_dir, _ = lake
    session = duckdb_session(data_dir)
    session.execute("CREATE TABLE guest AS SELECT 42 AS answer")
    session.execute("INSERT INTO guest VALUES (43)")
    session.close()
    assert weir_sql(data_dir, "SELECT answer FROM guest ORDER BY answer") == [("42",), ("43",)]

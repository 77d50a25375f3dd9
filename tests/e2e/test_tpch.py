"""TPC-H's queries over PostgreSQL, and over PostgreSQL and the lake: answers equal those of DuckDB over the same files."""

import decimal
import pathlib
import sys

import duckdb
import pytest

from conftest import DEEP, ROOT, SANITIZED

sys.path.insert(0, str(ROOT / "bench"))
import tpch_data  # noqa: E402

SCALE = 1 if DEEP else 0.01 if SANITIZED else 0.1
IN_THE_LAKE = ("orders", "part", "nation")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tpch")
    tpch_data.generate(SCALE, folder)
    return folder


@pytest.fixture(scope="module")
def reference(files):
    """Independent of Weir: Python's DuckDB over the generated files."""
    session = duckdb.connect()
    for table, columns in tpch_data.TABLES.items():
        session.execute(f"CREATE TABLE {table} ({columns})")
        session.execute(f"COPY {table} FROM '{files / table}.csv' (FORMAT csv, HEADER)")
    yield session
    session.close()


@pytest.fixture(scope="module")
def tpch(postgres, database, weir, files):
    tpch_data.load(postgres.database_url(database), files)
    weir.register(postgres, database, "pg")
    for table in IN_THE_LAKE:
        weir.query(f"CREATE TABLE {table} AS SELECT * FROM pg.public.{table}")
    return weir


def comparable(rows):
    """Texts of the values: floats in full, decimals without the zeros that the scale adds."""
    def text(value):
        return format(value.normalize(), "f") if isinstance(value, decimal.Decimal) else str(value)
    return [[text(value) for value in row] for row in rows]


def answer(weir, columns, sql):
    """Rows as Python's DuckDB gives them."""
    got = weir.query(sql)
    converted = []
    for row in got["rows"]:
        converted.append([decimal.Decimal(value) if kind.startswith(("DECIMAL", "HUGEINT")) and value is not None else value
                          for value, kind in zip(row, (column["type"] for column in got["columns"]))])
    return got, converted


@pytest.mark.parametrize("path", tpch_data.QUERIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("where", ["postgres", "postgres and lake"])
def test_the_answer_is_duckdbs(tpch, reference, path, where):
    expected = reference.execute(tpch_data.query(path, {table: table for table in tpch_data.TABLES})).fetchall()
    names = {table: f"weir.main.{table}" if where != "postgres" and table in IN_THE_LAKE else f"pg.public.{table}" for table in tpch_data.TABLES}
    got, rows = answer(tpch, None, tpch_data.query(path, names))
    assert comparable(rows) == comparable(expected)

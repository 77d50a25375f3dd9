"""Other programs' ways into a lake: DuckDB's Python package with its own copy of the extension."""

import pathlib

import duckdb
import duckdb_extension_ducklake

EXTENSION = next(pathlib.Path(duckdb_extension_ducklake.__file__).parent.glob("extensions/*/ducklake.duckdb_extension"))


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def duckdb_session(data_dir, options="", read_only=False):
    """A session with the lake of `data_dir` as its default catalog `weir`, attached as somebody else would: by path."""
    session = duckdb.connect()
    session.execute(f"LOAD {quoted(EXTENSION)}")
    options += ", READ_ONLY" if read_only else ""
    session.execute(f"ATTACH {quoted(f'ducklake:{data_dir}/catalog.ducklake')} AS weir "
                    f"(DATA_PATH {quoted(f'{data_dir}/extents/')}{options})")
    session.execute("USE weir")
    return session


def new_lake(data_dir, options="DATA_INLINING_ROW_LIMIT 0"):
    """An empty lake made by DuckDB alone."""
    (data_dir / "extents").mkdir(parents=True)
    return duckdb_session(data_dir, f", {options}")

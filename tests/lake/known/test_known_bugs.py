"""Bugs of our DuckLake pin (d8a1881e, DuckDB 1.5.5) that touch what Weir does, each with what Weir relies on to stay clear of it.

A `reproduces` test fails when the pin no longer has the bug: then the rule that it guards can be looked at again.
"""

import threading
import time

import duckdb
import pytest

from clients import duckdb_session, new_lake
from shell import Shell


def numbers(session, sql):
    return [row[0] for row in session.execute(sql).fetchall()]


# --- duckdb/ducklake#1084 and #1215: deletes kept partly in the catalog, partly in files, bring deleted rows back -------

def delete_in_two_stores(session):
    """Two concurrent deletes of one row, one small enough to be inlined, one not."""
    session.execute("CREATE TABLE t AS SELECT i FROM range(100) t(i)")
    small, large = session.cursor(), session.cursor()
    for cursor in (small, large):
        cursor.execute("USE weir")
        cursor.execute("BEGIN")
    small.execute("DELETE FROM t WHERE i < 5")
    large.execute("DELETE FROM t WHERE i < 50")
    small.execute("COMMIT")
    large.execute("COMMIT")


def test_1215_reproduces_with_inlining(tmp_path):
    session = new_lake(tmp_path, "DATA_INLINING_ROW_LIMIT 10")
    delete_in_two_stores(session)
    assert numbers(session, "SELECT count(*) FROM (SELECT i FROM t WHERE i >= 0)") != [50]


def test_without_inlining_the_second_delete_conflicts(tmp_path):
    session = new_lake(tmp_path)
    with pytest.raises(duckdb.TransactionException, match="Transaction conflict"):
        delete_in_two_stores(session)
    assert numbers(session, "SELECT count(*) FROM t") == [95]


def test_a_lake_of_weir_tells_every_client_not_to_inline(tmp_path):
    with Shell(tmp_path / "data") as shell:
        shell.write("CREATE TABLE t AS SELECT i FROM range(100) t(i)")
    session = duckdb_session(tmp_path / "data")
    session.execute("DELETE FROM t WHERE i = 1")
    session.execute("INSERT INTO t VALUES (1000)")
    assert numbers(session, "SELECT count(*) FROM __ducklake_metadata_weir.ducklake_inlined_data_tables") == [0]
    files, deletes = session.execute("SELECT count(*), count(delete_file) FROM ducklake_list_files('weir', 't')").fetchone()
    assert (files, deletes) == (2, 1)


# --- duckdb/ducklake#1248 and #1404: a schema is freed while a transaction's DDL still points at it -----------------------

def create_tables_among_readers(session, create, seconds):
    """Creates tables in one thread while four read; the errors of both, and how many tables were made."""
    session.execute("CREATE SCHEMA s")
    session.execute("CREATE TABLE s.read AS SELECT 1 i")
    over = threading.Event()
    errors = []

    def read():
        reader = session.cursor()
        while not over.is_set():
            try:
                reader.execute("SELECT count(*) FROM weir.s.read").fetchall()
            except duckdb.Error as error:
                errors.append(str(error))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    created, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline and not errors:
        try:
            create(session, f"CREATE OR REPLACE TABLE s.t{created % 5} AS SELECT i FROM range(1000) t(i)")
            created += 1
        except duckdb.Error as error:
            errors.append(str(error))
    over.set()
    for reader in readers:
        reader.join()
    return errors, created


def in_a_transaction(session, statement):
    session.execute("BEGIN")
    session.execute(statement)
    session.execute("COMMIT")


def in_autocommit(session, statement):
    session.execute(statement)


def test_1248_reproduces_with_one_writer_in_transactions_and_readers_beside_it(tmp_path):
    errors, created = create_tables_among_readers(new_lake(tmp_path), in_a_transaction, seconds=10)
    if not errors:
        pytest.skip(f"the race was not met in {created} commits this time")
    assert "Failed to get path for schema with id" in errors[0] or "could not find schema" in errors[0]


def test_creating_in_autocommit_is_safe_among_readers(tmp_path):
    errors, created = create_tables_among_readers(new_lake(tmp_path), in_autocommit, seconds=5)
    assert errors == []
    assert created > 5


# --- duckdb/ducklake#1332: two ALTERs in one transaction corrupt the catalog ----------------------------------------------

def test_1332_reproduces_in_a_transaction(tmp_path):
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t (id INT)")
    session.execute("BEGIN")
    session.execute("ALTER TABLE t ADD COLUMN c INT DEFAULT 7")
    session.execute("ALTER TABLE t RENAME TO u")
    session.execute("COMMIT")
    with pytest.raises(duckdb.Error, match="already exists"):
        session.execute("SELECT * FROM u")


def test_the_same_alters_in_autocommit_are_safe(tmp_path):
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT 1 id")
    session.execute("ALTER TABLE t ADD COLUMN c INT DEFAULT 7")
    session.execute("ALTER TABLE t RENAME TO u")
    assert session.execute("SELECT * FROM u").fetchall() == [(1, 7)]


# --- COMMIT after a failed statement answers ok and rolls back ------------------------------------------------------------

def test_commit_after_a_failed_statement_reproduces_a_silent_rollback(tmp_path):
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t (id INT)")
    session.execute("BEGIN")
    session.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(duckdb.Error):
        session.execute("INSERT INTO t SELECT error('no')::INT FROM range(3)")
    session.execute("COMMIT")  # no error: every statement's own result must be looked at
    assert numbers(session, "SELECT count(*) FROM t") == [0]


# --- duckdb/ducklake#1377: statistics of today are used for reads of yesterday ---------------------------------------------

def history_with_nulls(session):
    session.execute("CREATE TABLE history (i INT)")
    session.execute("INSERT INTO history VALUES (NULL), (1)")
    version = numbers(session, "SELECT max(snapshot_id) FROM weir.snapshots()")[0]
    session.execute("DELETE FROM history WHERE i IS NULL")
    return version


def test_1377_reproduces_after_a_rewrite(tmp_path):
    session = new_lake(tmp_path)
    version = history_with_nulls(session)
    session.execute("CALL ducklake_rewrite_data_files('weir', 'history', delete_threshold => 0)")
    assert numbers(session, f"SELECT count(i) FROM history AT (VERSION => {version})") == [2]  # 1 would be right


def test_time_travel_counts_nulls_as_long_as_nothing_is_rewritten(tmp_path):
    session = new_lake(tmp_path)
    version = history_with_nulls(session)
    session.execute("UPDATE history SET i = 500 WHERE i = 1")
    session.execute("ALTER TABLE history ADD COLUMN j INT DEFAULT 3")
    session.execute("INSERT INTO history VALUES (-500, NULL)")
    past = f"FROM history AT (VERSION => {version})"
    assert session.execute(f"SELECT count(*), count(i), min(i), max(i) {past}").fetchall() == [(2, 1, 1, 1)]
    assert numbers(session, f"SELECT count(*) {past} WHERE i IS NULL") == [1]
    assert numbers(session, f"SELECT count(*) {past} WHERE i = 1") == [1]
    assert numbers(session, "SELECT count(*) FROM history WHERE j IS NULL") == [1]


# --- duckdb/ducklake#1406: flushing inlined rows after a rewrite doubles rows of the past ----------------------------------

def test_without_inlining_a_flush_after_a_rewrite_has_nothing_to_double(tmp_path):
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT i FROM range(100) t(i)")
    for step in range(5):
        session.execute(f"DELETE FROM t WHERE i = {step}")
        session.execute(f"INSERT INTO t VALUES ({1000 + step})")
    versions = numbers(session, "SELECT snapshot_id FROM weir.snapshots() WHERE snapshot_id > 0 ORDER BY 1")
    before = [numbers(session, f"SELECT count(*) FROM t AT (VERSION => {version})") for version in versions]
    session.execute("CALL ducklake_rewrite_data_files('weir', delete_threshold => 0)")
    session.execute("CALL ducklake_flush_inlined_data('weir')")
    assert [numbers(session, f"SELECT count(*) FROM t AT (VERSION => {version})") for version in versions] == before


# --- duckdb/ducklake#1472: expiring snapshots that an open transaction needs loses its deletes ------------------------------

def test_1472_reproduces_when_snapshots_newer_than_an_open_transaction_expire(tmp_path):
    """Weir expires nothing yet; when it does, nothing newer than the oldest open transaction."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t (id INT)")                              # snapshot 1
    session.execute("INSERT INTO t VALUES (1)")                             # snapshot 2
    other = session.cursor()
    other.execute("USE weir")
    other.execute("BEGIN")
    assert numbers(other, "SELECT id FROM t") == [1]
    session.execute("INSERT INTO t VALUES (2)")                             # snapshot 3
    session.execute("CALL ducklake_merge_adjacent_files('weir')")           # snapshot 4
    session.execute("CREATE TABLE unrelated (i INT)")                       # snapshot 5
    session.execute("CALL ducklake_expire_snapshots('weir', versions => [3, 4])")
    other.execute("DELETE FROM t WHERE id = 1")
    other.execute("COMMIT")
    assert sorted(numbers(session, "SELECT id FROM t")) == [1, 2]  # [2] would be right


# --- duckdb/ducklake#1452: compaction conflicts with every delete of the same table ------------------------------------------

def test_1452_a_delete_conflicts_with_a_compaction_beside_it(tmp_path):
    """So maintenance takes its turn in the committer, like every writer."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t (id INT)")
    session.execute("INSERT INTO t VALUES (1)")
    session.execute("INSERT INTO t VALUES (2)")
    other = session.cursor()
    other.execute("USE weir")
    other.execute("BEGIN")
    other.execute("DELETE FROM t WHERE id = 1")
    session.execute("CALL ducklake_merge_adjacent_files('weir')")
    with pytest.raises(duckdb.TransactionException, match="Transaction conflict"):
        other.execute("COMMIT")


# --- duckdb/ducklake#1135: a filter on the default of a column that was added later finds nothing ------------------------------

def test_1135_a_filter_finds_the_default_of_a_column_that_was_added_later(tmp_path):
    """Closed upstream; our pin has the fix."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT i FROM range(2000) t(i)")
    session.execute("ALTER TABLE t ADD COLUMN b INT DEFAULT 42")
    session.execute("INSERT INTO t VALUES (2000, 43)")
    assert numbers(session, "SELECT count(*) FROM t WHERE b = 42") == [2000]
    assert numbers(session, "SELECT min(b) FROM t") == [42]


# --- What live copies stay clear of (src/sync/copy_sql.cc) ---------------------------------------------------------------

def test_a_float_that_became_a_double_is_not_found_by_its_value(tmp_path):
    """The statistics of the old file say '0.1', which is another double than the float that it holds."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT 0.1::FLOAT AS v")
    session.execute("ALTER TABLE t ALTER COLUMN v TYPE DOUBLE")
    assert numbers(session, "SELECT count(*) FROM t WHERE v = 0.1::FLOAT::DOUBLE") == [0]
    assert numbers(session, "SELECT count(*) FROM t WHERE v + 0 = 0.1::FLOAT::DOUBLE") == [1]


def test_an_interval_loses_its_microseconds(tmp_path):
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT INTERVAL '1.000001 seconds' AS v")
    assert numbers(session, "SELECT epoch_us(v) FROM t") == [1_000_000]
    with pytest.raises(duckdb.Error, match="negative intervals"):
        session.execute("INSERT INTO t SELECT INTERVAL '-1 day'")


def test_within_a_transaction_the_past_has_its_deletes_too(tmp_path):
    """So a rewrite inserts first and then deletes by file name."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT i FROM range(10) t(i)")
    version = numbers(session, "SELECT id FROM ducklake_current_snapshot('weir')")[0]
    session.execute("BEGIN")
    session.execute("DELETE FROM t")
    assert numbers(session, f"SELECT count(*) FROM t AT (VERSION => {version})") == [0]


def test_a_filter_fails_after_a_column_was_widened_in_the_same_process(tmp_path):
    """What DuckLake knows of the values keeps their old type until another file comes: so copies write one row anew."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT i::INTEGER AS n FROM range(10) t(i)")
    assert numbers(session, "SELECT count(*) FROM t WHERE n > 3") == [6]
    session.execute("ALTER TABLE t ALTER COLUMN n SET DATA TYPE BIGINT")
    with pytest.raises(duckdb.InternalException, match="SetMin or SetMax"):
        session.execute("SELECT count(*) FROM t WHERE n > 3")
    session.execute("UPDATE t SET n = n WHERE rowid IN (SELECT rowid FROM t LIMIT 1)")
    assert numbers(session, "SELECT count(*) FROM t WHERE n > 3") == [6]


def test_a_parquet_dictionary_gives_all_zeros_one_sign(tmp_path):
    """So -0 is taken for 0 when a copy is compared with its source."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT CASE WHEN i % 2 = 0 THEN 0.0::DOUBLE ELSE '-0.0'::DOUBLE END AS d FROM range(10000) t(i)")
    assert session.execute("SELECT d::VARCHAR, count(*) FROM t GROUP BY 1").fetchall() == [("0.0", 10_000)]


# --- duckdb/duckdb#25417: a full sort reads its keys back from a form in which -0.0 is 0.0 ---------------------------------

def test_25417_reproduces_but_not_with_a_limit(tmp_path):
    """So a top-N that a source has done stays a top-N here (`engine/query_pushdown.cc`)."""
    session = new_lake(tmp_path)
    session.execute("CREATE TABLE t AS SELECT '-0.0'::DOUBLE AS d")
    sorted_rows = lambda limit: session.execute(f"SELECT d::VARCHAR FROM (SELECT d FROM t ORDER BY d {limit})").fetchall()
    assert sorted_rows("") == [("0.0",)]
    assert sorted_rows("LIMIT 1") == [("-0.0",)]


# --- not reported yet: deletes are dated when they are written, not when they are committed -------------------------------

def test_deletes_dated_early_reproduce(tmp_path):
    """A delete from an extent that has a file of deletes already, overtaken by another commit: `hot_landing.cc` gives way to that."""
    session = new_lake(tmp_path)
    for statement in ("CREATE TABLE t AS SELECT i FROM range(100) t(i)", "CREATE TABLE other (i INT)", "DELETE FROM t WHERE i = 0"):
        session.execute(statement)
    slow, quick = session.cursor(), session.cursor()
    for cursor in (slow, quick):
        cursor.execute("USE weir")
    slow.execute("BEGIN")
    slow.execute("DELETE FROM t WHERE i = 1")
    slow.execute("INSERT INTO t VALUES (1)")
    quick.execute("INSERT INTO other VALUES (1)")
    slow.execute("COMMIT")
    [newest] = numbers(session, "SELECT max(snapshot_id) FROM ducklake_snapshots('weir')")
    assert numbers(session, f"SELECT count(*) FROM t AT (VERSION => {newest})") == [99]
    assert numbers(session, f"SELECT count(*) FROM t AT (VERSION => {newest - 1})") == [98], "99 without the bug: the row is deleted before it came again"

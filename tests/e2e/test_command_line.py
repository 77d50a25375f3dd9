"""What `weir sql` prints, and when."""

import os
import subprocess

import pytest

from conftest import WEIR
from copied import Copied


@pytest.fixture(scope="module")
def shop(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE users AS SELECT i AS id, 'u' || i AS email, i % 3 AS region FROM generate_series(1, 100) i; ANALYZE users")
        # A set-returning function in the SELECT list streams: a row every quarter of a second, for five seconds. PostgreSQL
        # sends what fills 8 KB, so each row does.
        session.execute("CREATE VIEW trickle AS SELECT i AS id, pg_sleep(0.25)::text AS nap, repeat('x', 9000) AS filler FROM (SELECT generate_series(1, 20) AS i) s")
    weir.register(postgres, database)
    return weir


def command(server, *arguments, **options):
    return subprocess.Popen([WEIR, "sql", "--url", server.url, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "WEIR_TOKEN": ""}, **options)


@pytest.mark.parametrize("sql, reasons", [
    ("SELECT region, count(*) FROM pg_prod.public.users GROUP BY region ORDER BY region", ["ORDER BY is pushed with a LIMIT only"]),
    ("SELECT id FROM pg_prod.public.users WHERE lower(email) = 'u1' AND id % 2 = 1", ["function lower is not pushed yet", "function % is not pushed yet"]),
    ("SELECT count(*), max(a.id) FROM pg_prod.public.users a JOIN pg_prod.public.users b ON a.id = b.id", []),
])
def test_the_summary_gives_each_reason_once(shop, sql, reasons):
    process = command(shop, "--summary", sql)
    _, err = process.communicate()
    assert process.returncode == 0, err
    for table in err.split(" pg_prod")[1:]:
        here = [line.split("│")[3].strip() for line in (" pg_prod" + table).splitlines() if line.count("│") > 3]
        said = [line for line in here if line]
        assert len(said) == len(set(said)), err
    for reason in reasons:
        assert err.count(reason) == 1, err


def test_comments_hide_no_statement_and_no_setting(weir):
    script = """CREATE TABLE gone (i INT); USE weir.main -- the lake
; INSERT INTO gone VALUES (1); SELECT count(*) AS rows FROM gone;
-- zone
SET TimeZone = 'Asia/Tokyo'; SELECT strftime(TIMESTAMPTZ '2024-01-01 00:00:00Z', '%H:%M') AS there;"""
    done = subprocess.run([WEIR, "sql", "--url", weir.url, "--format", "csv", "-f", "-"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "rows\n1\n" in done.stdout and "there\n09:00\n" in done.stdout


def test_a_table_of_a_copy_is_copied_anew(weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1)")
    copy = Copied(weir, postgres, database, ["kept"])
    copy.wait_streaming()

    def connector(*arguments):
        return subprocess.run([WEIR, "connector", *arguments, "--url", weir.url], capture_output=True, text=True)

    snapshots = len([event for event in copy.events() if event["to"] == "snapshotting"])
    done = connector("resync", "pg", "public.kept")
    assert done.returncode == 0, done.stderr
    copy.wait(lambda: len([event for event in copy.events() if event["to"] == "snapshotting"]) == snapshots + 1, what="the snapshot is taken again")
    copy.wait_streaming()
    refused = connector("resync", "pg", "public.other")
    assert refused.returncode == 1 and "table_not_found" in refused.stderr, refused.stderr
    assert "slot" in connector("delete", "--help").stdout
    assert connector("delete", "pg").returncode == 0
    with postgres.connect(database) as session:
        assert session.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (copy.slot,)).fetchone()[0] == 0
        assert session.execute("SELECT count(*) FROM kept").fetchone()[0] == 1

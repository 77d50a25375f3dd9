"""Thousands of changes a second for long: how old the copy is, what a commit takes and how many extents there are stay as they are."""

import statistics
import threading
import time

import psycopg
import pytest

from conftest import DEEP, SANITIZED, wait_until
from copied import Copied

SECONDS = 3600 if DEEP else 120
RATE = 5_000
ROWS = 200_000
FOLD_ROWS = 50_000
LAG_MAX = 1.0
EXTENTS_MAX = 60
# 20 % inserts, 60 % updates, 20 % deletes of what was inserted; each its own transaction.
WRITER = f"""
CREATE TABLE t (id bigint PRIMARY KEY, a bigint NOT NULL, note text);
INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, {ROWS}) i;
CREATE PROCEDURE change(first bigint, events int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0 .. events - 1 LOOP
        IF i % 5 = 0 THEN INSERT INTO t VALUES (first + i, i, 'new ' || i);
        ELSIF i % 5 = 4 THEN DELETE FROM t WHERE id = first + i - 4;
        ELSE UPDATE t SET a = a + 1 WHERE id = ((first + i) * 7919) % {ROWS} + 1;
        END IF;
        COMMIT;
    END LOOP;
END $$
"""


class Writer(threading.Thread):
    """`RATE` transactions a second until it is stopped."""

    def __init__(self, url):
        super().__init__()
        self.url, self.ended, self.events, self.seconds = url, threading.Event(), 0, 0.0

    def run(self):
        with psycopg.connect(self.url, autocommit=True) as session:
            session.execute("SET synchronous_commit = off")
            began, piece = time.perf_counter(), RATE // 20
            while not self.ended.is_set():
                session.execute("CALL change(%s, %s)", (10_000_000 + self.events, piece))
                self.events += piece
                time.sleep(max(0.0, began + self.events / RATE - time.perf_counter()))
            self.seconds = time.perf_counter() - began


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def metric(weir, name):
    lines = weir.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f'weir_sync_{name}{{connector="pg"'))


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' speed is not the product's")
def test_a_steady_stream(weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute(WRITER)
    copy = Copied(weir, postgres, database, ["t"], fold_rows=FOLD_ROWS)
    copy.wait_streaming(60)
    writer = Writer(postgres.database_url(database))
    writer.start()
    lags, commits, extents, hot = [], [], [], []
    try:
        until, probe = time.monotonic() + SECONDS, 0
        with postgres.connect(database) as session:
            while time.monotonic() < until:
                assert writer.is_alive()
                before = metric(weir, "commit_duration_seconds_sum"), metric(weir, "commit_duration_seconds_count")
                probe += 1
                session.execute("INSERT INTO t VALUES (%s, 0, 'probe')", (-probe,))
                committed = time.perf_counter()
                wait_until(lambda: weir.rows(f"SELECT 1 FROM pg.public.t WHERE id = {-probe}"), 60, "the probe")
                lags.append(time.perf_counter() - committed)
                time.sleep(max(0.0, 1 - lags[-1]))
                spent, count = metric(weir, "commit_duration_seconds_sum") - before[0], metric(weir, "commit_duration_seconds_count") - before[1]
                commits.append(spent / max(1, count))
                extents += weir.rows("SELECT count(*) FROM ducklake_list_files('weir', 't', schema => 'pg.public')")[0]
                hot.append(metric(weir, "hot_rows"))
    finally:
        writer.ended.set()
        writer.join()
    half = len(lags) // 2
    shown = (f"{writer.events / writer.seconds:,.0f} transactions/s; lag p50 {percentile(lags, 0.5):.3f}, p95 {percentile(lags, 0.95):.3f}, "
             f"p99 {percentile(lags, 0.99):.3f} s; commit {statistics.mean(commits[:half]) * 1000:.1f} then {statistics.mean(commits[half:]) * 1000:.1f} ms; "
             f"extents up to {max(extents)}, hot rows up to {max(hot):,.0f}")
    print(shown)
    assert writer.events / writer.seconds > 0.8 * RATE, shown
    assert percentile(lags, 0.99) < LAG_MAX, shown
    assert statistics.median(commits[half:]) < 2 * statistics.median(commits[:half]) + 0.005, shown
    assert max(extents) <= EXTENTS_MAX and max(hot) < 3 * FOLD_ROWS, shown
    copy.wait_equal_sums("t", "count(*), sum(id), sum(a)")
    assert copy.forget().status_code == 204

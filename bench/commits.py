"""A stream of commits, landed: what pg_recvlogical receives and discards (floor) beside Weir from the same log; then the time from a
commit to a query that sees it."""

import pathlib
import subprocess
import threading
import time

import measure
import psycopg
import requests
import servers

ONE_ROW_COMMITS = 200_000
LARGE_COMMITS, LARGE_ROWS = 20, 50_000
ROWS = 100_000
RECEIVED_SHARE_MIN, COMMITS_MIN = 0.7, 80_000
RATE, LAG_SECONDS, LAG_MAX = 5_000, 20, 1.0
FLOOR, OURS = "pg_recvlogical to /dev/null (floor)", "Weir, landed"
# 20 % inserts, 60 % updates, 20 % deletes of rows inserted before; each its own commit.
MIXED = """
CREATE PROCEDURE mixed(first bigint, commits int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0 .. commits - 1 LOOP
        IF i % 5 = 0 THEN INSERT INTO t VALUES (first + i, i, 'new ' || i, i / 100.0, now());
        ELSIF i % 5 = 4 THEN DELETE FROM t WHERE id = first + i - 4;
        ELSE UPDATE t SET a = a + 1, b = 'changed ' || i, at = now() WHERE id = (i * 7919::bigint) % %(rows)s + 1;
        END IF;
        COMMIT;
    END LOOP;
END $$
"""


class Changes:
    """A database of its own with one table, kept by Weir under the name `changes`."""

    def __init__(self, source, weir):
        self.source, self.weir = source, weir
        self.url = source.url.replace("/postgres", "/changes")
        with psycopg.connect(source.url, autocommit=True) as session:
            session.execute("DROP DATABASE IF EXISTS changes WITH (FORCE)")
            session.execute("CREATE DATABASE changes")
        self.session = psycopg.connect(self.url, autocommit=True)
        self.session.execute("SET synchronous_commit = off")
        self.session.execute("CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, amount numeric(12,2), at timestamptz)")
        self.session.execute("INSERT INTO t SELECT i, i, 'row ' || i, i / 100.0, now() FROM generate_series(1, %s) i", (ROWS,))
        self.session.execute(MIXED.replace("%(rows)s", str(ROWS)))
        self.session.execute("CREATE PUBLICATION floor FOR TABLE t")
        self.session.execute("SELECT pg_create_logical_replication_slot('floor', 'pgoutput')")
        body = {"name": "changes", "type": "postgres", "mode": "sync",
                "connection": {"url": f"postgres://weir@localhost:{source.port}/changes", "secret_ref": "$env:BENCH_PASSWORD", "tls": "disabled"},
                "sync": {"tables": ["public.t"]}}
        answer = requests.post(weir.url + "/v1/connectors", json=body)
        assert answer.status_code == 201, answer.text
        self.next_id = 10 * ROWS
        self.wait_landed()

    def position(self):
        return self.session.execute("SELECT pg_current_wal_flush_lsn()").fetchone()[0]

    def query(self, sql, **parameters):
        answer = requests.post(self.weir.url + "/v1/query", json={"query": sql}, params=parameters)
        return answer.json()

    def wait_landed(self):
        position = self.session.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        deadline = time.monotonic() + 300
        while "rows" not in self.query("SELECT count(*) FROM changes.public.t", min_lsn=position):
            assert time.monotonic() < deadline, requests.get(self.weir.url + "/v1/connectors/changes/status").text
            time.sleep(0.01)

    def pause(self):
        assert requests.post(self.weir.url + "/v1/connectors/changes/pause?scope=sync").status_code == 200

    def land(self):
        assert requests.post(self.weir.url + "/v1/connectors/changes/resume?scope=sync").status_code == 200
        self.wait_landed()

    def receive(self):
        """What was written since the last time, up to now."""
        program = pathlib.Path(subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip()) / "pg_recvlogical"
        subprocess.run([program, "-d", f"{self.url}?sslmode=disable", "-S", "floor", "--start", "-f", "/dev/null", "--no-loop", "-F", "0",
                        "-E", self.position(), "-o", "proto_version=1", "-o", "publication_names=floor", "-o", "binary=true"], check=True)

    def write_mixed(self, commits):
        self.session.execute("CALL mixed(%s, %s)", (self.next_id, commits))
        self.next_id += commits

    def write_large(self):
        for _ in range(LARGE_COMMITS):
            self.session.execute("INSERT INTO t SELECT %s + i, i, 'large ' || i, i / 100.0, now() FROM generate_series(0, %s - 1) i", (self.next_id, LARGE_ROWS))
            self.next_id += LARGE_ROWS

    def check(self):
        theirs = self.session.execute("SELECT count(*), sum(id), sum(a) FROM t").fetchone()
        assert [int(value) for value in self.query("SELECT count(*), sum(id)::VARCHAR, sum(a)::VARCHAR FROM changes.public.t")["rows"][0]] == [int(v) for v in theirs]

    def close(self):
        requests.delete(self.weir.url + "/v1/connectors/changes")
        self.session.execute("SELECT pg_drop_replication_slot('floor')")
        self.session.close()


def measure_writes(changes, write, runs):
    found = {FLOOR: [], OURS: []}
    for _ in range(runs):
        changes.pause()
        write()
        found[FLOOR].append(measure.run(changes.receive, changes.source.pid))
        found[OURS].append(measure.run(changes.land, changes.source.pid, (changes.weir.pid,)))
        changes.check()
    return {name: measure.median(results) for name, results in found.items()}


def report(title, medians, rows, unit):
    lines = [title, "", f"| | seconds | {unit}/s | client CPU-s | source CPU-s | peak MB | of the floor's rate |", "|---|---|---|---|---|---|---|"]
    for name, m in medians.items():
        lines.append(f"| {name} | {m.seconds:.2f} | {rows / m.seconds:,.0f} | {m.client_cpu:.2f} | {m.server_cpu:.2f} | {m.peak_mb:.0f} | {medians[FLOOR].seconds / m.seconds:.2f} |")
    return "\n".join(lines) + "\n"


def lags(changes):
    """Seconds from a commit to the first query that sees it, beside a writer of RATE one-row commits a second."""
    ended = threading.Event()
    written = []

    def write():
        with psycopg.connect(changes.url, autocommit=True) as session:
            session.execute("SET synchronous_commit = off")
            began, commits = time.perf_counter(), 0
            while not ended.is_set():
                session.execute("CALL mixed(%s, %s)", (changes.next_id, RATE // 20))
                changes.next_id += RATE // 20
                commits += RATE // 20
                time.sleep(max(0.0, began + commits / RATE - time.perf_counter()))
            written.append(commits / (time.perf_counter() - began))
    writer = threading.Thread(target=write)
    writer.start()
    took, until = [], time.monotonic() + LAG_SECONDS
    probe = 0
    try:
        while time.monotonic() < until:
            probe += 1
            changes.session.execute("INSERT INTO t VALUES (%s, 0, 'probe', 0, now())", (-probe,))
            committed = time.perf_counter()
            while not changes.query(f"SELECT 1 FROM changes.public.t WHERE id = {-probe}").get("rows"):
                assert time.perf_counter() - committed < 60, "a probe never came"
            took.append(time.perf_counter() - committed)
    finally:
        ended.set()
        writer.join()
    return took, written[0]


def lag_table(changes):
    took, rate = lags(changes)
    p50, p95, p99 = (measure.percentile(took, share) for share in (0.5, 0.95, 0.99))
    text = (f"## Lag: from a commit to a query that sees it, beside {rate:,.0f} one-row commits/s\n\n"
            f"| probes | p50 s | p95 s | p99 s | max s |\n|---|---|---|---|---|\n| {len(took)} | {p50:.3f} | {p95:.3f} | {p99:.3f} | {max(took):.3f} |\n")
    return text, [f"lag: p99 {p99:.2f} s at {rate:,.0f} commits/s"] if p99 >= LAG_MAX else []


def table(source, weir, runs):
    changes = Changes(source, weir)
    try:
        mixed = measure_writes(changes, lambda: changes.write_mixed(ONE_ROW_COMMITS), runs)
        large = measure_writes(changes, changes.write_large, runs)
        lag, failed = lag_table(changes)
    finally:
        changes.close()
    rate, share = ONE_ROW_COMMITS / mixed[OURS].seconds, mixed[FLOOR].seconds / mixed[OURS].seconds
    if rate < COMMITS_MIN and share < RECEIVED_SHARE_MIN:
        failed.append(f"commits: {rate:,.0f} one-row commits/s, {share:.2f} of what is received and discarded")
    text = report(f"## Commits: {ONE_ROW_COMMITS:,} of one row (20 % inserts, 60 % updates, 20 % deletes)", mixed, ONE_ROW_COMMITS, "commits")
    text += "\n" + report(f"## Commits: {LARGE_COMMITS} of {LARGE_ROWS:,} rows", large, LARGE_COMMITS * LARGE_ROWS, "rows")
    return text + "\n" + lag, failed

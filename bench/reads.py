"""Reads of a live copy of which a fifth was updated, beside DuckDB on a fresh Parquet file of the same rows: with an empty, a half-full and
a full hot table."""

import json
import statistics
import time

import duckdb_peer
import psycopg
import requests
import servers

ROWS = 3_000_000
FOLD_ROWS = 150_000
REPEATS = 9
AFTER_FOLD_MAX, WORST_MAX = 1.4, 2.0
QUERIES = {
    "count, sum, max": "SELECT count(*), sum(amount), max(changed_at)::VARCHAR FROM {t}",
    "group by": "SELECT kind, count(*), avg(a) FROM {t} GROUP BY kind ORDER BY kind",
    "filter": "SELECT count(*), sum(a) FROM {t} WHERE amount BETWEEN 100 AND 200 AND b LIKE 'row 1%'",
}
PEER = """
took = []
for query in json.loads(sys.argv[3]):
    for _ in range(int(sys.argv[4])):
        began = time.perf_counter()
        answer = session.execute(query.format(t=f"read_parquet('{sys.argv[2]}')")).fetchall()
        took.append(time.perf_counter() - began)
print(json.dumps(took))
"""
WRITE = "session.execute(f\"COPY (SELECT * FROM pg.public.t) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)\"); print(0)"


class Reads:
    """A database of its own with one table, kept by Weir under the name `reads`."""

    def __init__(self, source, weir, rows):
        self.source, self.weir, self.rows = source, weir, rows
        self.url = source.url.replace("/postgres", "/reads")
        with psycopg.connect(source.url, autocommit=True) as session:
            session.execute("DROP DATABASE IF EXISTS reads WITH (FORCE)")
            session.execute("CREATE DATABASE reads")
        self.session = psycopg.connect(self.url, autocommit=True)
        self.session.execute("CREATE TABLE t (id bigint PRIMARY KEY, kind int, a int, b text, amount numeric(12,2), changed_at timestamptz)")
        self.session.execute("INSERT INTO t SELECT i, i %% 20, i, 'row ' || i, i %% 100000 / 100.0, now() FROM generate_series(1, %s) i", (rows,))
        body = {"name": "reads", "type": "postgres", "mode": "sync",
                "connection": {"url": f"postgres://weir@localhost:{source.port}/reads", "secret_ref": "$env:BENCH_PASSWORD", "tls": "disabled"},
                "sync": {"tables": ["public.t"], "fold_rows": FOLD_ROWS, "fold_after_ms": 300}}
        answer = requests.post(weir.url + "/v1/connectors", json=body)
        assert answer.status_code == 201, answer.text
        self.wait_landed()

    def query(self, sql, **parameters):
        return requests.post(self.weir.url + "/v1/query", json={"query": sql}, params=parameters).json()

    def wait_landed(self):
        position = self.session.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        deadline = time.monotonic() + 600
        while "rows" not in self.query("SELECT 1 FROM reads.public.t LIMIT 1", min_lsn=position):
            assert time.monotonic() < deadline, requests.get(self.weir.url + "/v1/connectors/reads/status").text
            time.sleep(0.05)

    def hot_rows(self):
        lines = requests.get(self.weir.url + "/metrics").text.splitlines()
        return next(int(float(line.split()[-1])) for line in lines if line.startswith('weir_sync_hot_rows{connector="reads"'))

    def update(self, first, last):
        """Rows all over the table: every fifth is updated when all were."""
        self.session.execute("UPDATE t SET a = a + 1, amount = amount + 1, changed_at = now() WHERE id %% 5 = 0 AND id / 5 BETWEEN %s AND %s", (first, last - 1))
        self.wait_landed()

    def fold_all(self):
        """And lets upkeep have its quiet half minute."""
        deadline = time.monotonic() + 120
        while self.hot_rows() > 0:
            assert time.monotonic() < deadline, "hot rows stay"
            time.sleep(0.1)
        time.sleep(40)

    def fold_no_more(self):
        answer = requests.patch(self.weir.url + "/v1/connectors/reads", json={"sync": {"tables": ["public.t"], "fold_rows": FOLD_ROWS, "fold_after_ms": 3_600_000}})
        assert answer.status_code == 200, answer.text
        self.wait_landed()

    def seconds(self):
        """Of each query, the median."""
        found = {}
        for name, query in QUERIES.items():
            took = []
            for _ in range(REPEATS):
                began = time.perf_counter()
                answer = self.query(query.format(t="reads.public.t"))
                took.append(time.perf_counter() - began)
                assert "rows" in answer, answer
            found[name] = statistics.median(took)
        return found

    def peer_seconds(self):
        file = servers.HOME / "reads.parquet"
        duckdb_peer.run(WRITE, self.url, file)
        took = duckdb_peer.run(PEER, self.url, file, json.dumps(list(QUERIES.values())), REPEATS)
        file.unlink()
        return {name: statistics.median(took[i * REPEATS:(i + 1) * REPEATS]) for i, name in enumerate(QUERIES)}

    def close(self):
        requests.delete(self.weir.url + "/v1/connectors/reads")
        self.session.close()


def table(source, weir, runs, rows=ROWS):
    reads = Reads(source, weir, rows)
    try:
        fifth, step = rows // 5, 50_000
        for first in range(0, fifth, step):
            reads.update(first, min(fifth, first + step))
        reads.fold_all()
        found = {"empty": reads.seconds()}
        reads.fold_no_more()
        for name, upto in (("half full", FOLD_ROWS // 2), ("full", FOLD_ROWS - 1000)):
            reads.update(reads.hot_rows(), upto)
            found[f"{name}, {reads.hot_rows():,} rows"] = reads.seconds()
        peer = reads.peer_seconds()
    finally:
        reads.close()
    lines = [f"## Reads: a live copy of {rows:,} rows, a fifth of them updated, beside a fresh Parquet file", "",
             "| query | DuckDB on Parquet (peer), ms | " + " | ".join(f"hot table {name}, ms (÷ peer)" for name in found) + " |", "|---" * (2 + len(found)) + "|"]
    failed = []
    for query, theirs in peer.items():
        cells = []
        for name, ours in found.items():
            ratio = ours[query] / theirs
            cells.append(f"{ours[query] * 1000:.0f} ({ratio:.2f})")
            if ratio > (AFTER_FOLD_MAX if name == "empty" else WORST_MAX):
                failed.append(f"reads: {query}, hot table {name}: {ratio:.2f} of the peer")
        lines.append(f"| {query} | {theirs * 1000:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n", failed

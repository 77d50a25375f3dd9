"""Reads of a live copy of which a fifth was updated, beside DuckDB on a fresh Parquet file of the same rows: with an empty, a half-full and
a full hot table."""

import json
import statistics
import time

import duckdb_peer
import live_copy
import measure
import requests
import servers

FOLD_ROWS = 150_000
UPDATES_PER_COMMIT = 50_000
REPEATS = 9
AFTER_FOLD_MAX, WORST_MAX = 1.4, 2.0
# Longer than the half minute of quiet after which upkeep looks at a table once more.
QUIET_SECONDS, QUIET_SECONDS_MAX = 45, 900
COLUMNS = "id bigint, kind int, a int, b text, amount numeric(12,2), changed_at timestamptz"
QUERIES = {
    "count, sum, max": "SELECT count(*), sum(amount), max(changed_at)::VARCHAR FROM {t}",
    "group by": "SELECT kind, count(*), avg(a) FROM {t} GROUP BY kind ORDER BY kind",
    "filter": "SELECT count(*), sum(a) FROM {t} WHERE amount BETWEEN 100 AND 200 AND b LIKE 'row 1%'",
}
PEER = """
took, answers = [], []
for query in json.loads(sys.argv[3]):
    for _ in range(int(sys.argv[4])):
        began = time.perf_counter()
        answer = session.execute(query.format(t=f"read_parquet('{sys.argv[2]}')")).fetchall()
        took.append(time.perf_counter() - began)
    answers.append(answer[0][0])
print(json.dumps([took, answers]))
"""
WRITE = "session.execute(f\"COPY (SELECT * FROM pg.public.t) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)\"); print(0)"


class Reads(live_copy.LiveCopy):
    """The live copy `reads` of `rows` rows."""

    def __init__(self, source, weir, rows):
        super().__init__(source, weir, "reads")
        self.rows = rows
        self.session.execute(f"CREATE TABLE t ({COLUMNS})")
        self.session.execute("INSERT INTO t SELECT i, i %% 20, i, 'row ' || i, i %% 100000 / 100.0, now() FROM generate_series(1, %s) i", (rows,))
        self.session.execute("ALTER TABLE t ADD PRIMARY KEY (id)")
        self.session.execute("ANALYZE t")
        self.follow(fold_rows=FOLD_ROWS, fold_after_ms=300)

    def hot_rows(self):
        lines = requests.get(self.weir.url + "/metrics").text.splitlines()
        return next(int(float(line.split()[-1])) for line in lines if line.startswith('weir_sync_hot_rows{connector="reads"'))

    def update(self, step, first, last):
        """Every `step`th row of the table, of those the ones from `first` to before `last`."""
        self.session.execute("UPDATE t SET a = a + 1, amount = amount + 1, changed_at = now() WHERE id = ANY(ARRAY(SELECT i * %s FROM generate_series(%s::bigint, %s) i))",
                             (step, first + 1, last))
        self.wait_landed()

    def update_fifth(self):
        for first in range(0, self.rows // 5, UPDATES_PER_COMMIT):
            self.update(5, first, min(self.rows // 5, first + UPDATES_PER_COMMIT))

    def fill_hot(self, upto):
        """Rows from all over the table."""
        self.update(self.rows // FOLD_ROWS, self.hot_rows(), upto)

    def fold_all(self):
        """Until nothing is hot, and upkeep has written all that it wants to write: a large extent takes it a minute without a new file."""
        deadline, quiet_since, spent = time.monotonic() + QUIET_SECONDS_MAX, time.monotonic(), measure.cpu_seconds(self.weir.pid)
        while self.hot_rows() > 0 or time.monotonic() - quiet_since < QUIET_SECONDS:
            assert time.monotonic() < deadline, "the copy does not come to rest"
            time.sleep(1)
            if (now := measure.cpu_seconds(self.weir.pid)) > spent + 0.2:
                quiet_since = time.monotonic()
            spent = now

    def fold_no_more(self):
        answer = requests.patch(self.connector, json={"sync": {"tables": ["public.t"], "fold_rows": FOLD_ROWS, "fold_after_ms": 3_600_000}})
        assert answer.status_code == 200, answer.text
        self.wait_landed()

    def seconds(self):
        """Of each query, the median."""
        found = {}
        for name, query in QUERIES.items():
            took = []
            for _ in range(REPEATS):
                began = time.perf_counter()
                answer = self.query(query)
                took.append(time.perf_counter() - began)
                assert "rows" in answer, answer
            found[name] = statistics.median(took)
        return found

    def answers(self):
        return [int(self.query(query)["rows"][0][0]) for query in QUERIES.values()]

    def peer_seconds(self):
        """As seconds(). The peer reads what the source has now, so the answers must be the same."""
        file = servers.HOME / "reads.parquet"
        duckdb_peer.run(WRITE, self.url, file)
        took, answers = duckdb_peer.run(PEER, self.url, file, json.dumps(list(QUERIES.values())), REPEATS)
        file.unlink()
        assert self.answers() == answers, (self.answers(), answers)
        return {name: statistics.median(took[i * REPEATS:(i + 1) * REPEATS]) for i, name in enumerate(QUERIES)}


def measure_all(reads):
    """The peer's seconds by query, and ours for each state of the hot table."""
    reads.update_fifth()
    reads.fold_all()
    found = {"empty": reads.seconds()}
    reads.fold_no_more()
    for name, upto in (("half full", FOLD_ROWS // 2), ("full", FOLD_ROWS - 1000)):
        reads.fill_hot(upto)
        found[f"{name}, {reads.hot_rows():,} rows"] = reads.seconds()
    return reads.peer_seconds(), found


def report(rows, peer, found):
    lines = [f"## Reads: a live copy of {rows:,} rows, a fifth of them updated, beside a fresh Parquet file", "",
             "| query | DuckDB on Parquet (peer), ms | " + " | ".join(f"hot table {name}, ms (÷ peer)" for name in found) + " |", "|---" * (2 + len(found)) + "|"]
    for query, theirs in peer.items():
        cells = [f"{ours[query] * 1000:.0f} ({ours[query] / theirs:.2f})" for ours in found.values()]
        lines.append(f"| {query} | {theirs * 1000:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def missed(rows, peer, found):
    ratios = {(query, name): ours[query] / theirs for query, theirs in peer.items() for name, ours in found.items()}
    return [f"reads of {rows:,} rows: {query}, hot table {name}: {ratio:.2f} of the peer" for (query, name), ratio in ratios.items()
            if ratio > (AFTER_FOLD_MAX if name == "empty" else WORST_MAX)]


def table(source, weir, runs, rows):
    reads = Reads(source, weir, rows)
    try:
        peer, found = measure_all(reads)
    finally:
        reads.close()
    return report(rows, peer, found), missed(rows, peer, found)

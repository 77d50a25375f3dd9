"""A table that changes, and who follows it: pg_recvlogical (floor), Weir, Debezium Server (peer). Each has a slot of its own on the same log."""

import pathlib
import subprocess

import debezium
import live_copy

ROWS = 100_000
WARM_UP_COMMITS = 200_000
PUBLICATION = "bench"
COLUMNS = "id bigint PRIMARY KEY, a int, b text, amount numeric(12,2), at timestamptz"
# 20 % inserts, 60 % updates, 20 % deletes of rows inserted before; each its own commit.
MIXED = """
CREATE PROCEDURE mixed(first bigint, commits int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0 .. commits - 1 LOOP
        IF i % 5 = 0 THEN INSERT INTO t VALUES (first + i, i, 'new ' || i, i / 100.0, now());
        ELSIF i % 5 = 4 THEN DELETE FROM t WHERE id = first + i - 4;
        ELSE UPDATE t SET a = a + 1, b = 'changed ' || i, at = now() WHERE id = (i * 7919::bigint) % {rows} + 1;
        END IF;
        COMMIT;
    END LOOP;
END $$
"""


class Changes(live_copy.LiveCopy):
    """The live copy `changes`. Between measurements nobody reads but who has been resumed."""

    def __init__(self, source, weir, with_debezium, **sync):
        super().__init__(source, weir, "changes")
        self.next_id, self.written, self.debezium = 10 * ROWS, 0, None
        try:
            self.begin(with_debezium, sync)
        except BaseException:
            self.close()
            raise

    def begin(self, with_debezium, sync):
        self.session.execute(f"CREATE TABLE t ({COLUMNS})")
        self.session.execute("INSERT INTO t SELECT i, i, 'row ' || i, i / 100.0, now() FROM generate_series(1, %s) i", (ROWS,))
        self.session.execute(MIXED.replace("{rows}", str(ROWS)))
        self.session.execute(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE t")
        for slot in ("floor", *([debezium.SLOT] if with_debezium else [])):
            self.session.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        self.follow(**sync)
        if with_debezium:
            self.debezium = debezium.Debezium(self.url, PUBLICATION)
            # A Java program is slow until it has run for a while.
            self.write_mixed(WARM_UP_COMMITS)
            self.deliver()
            self.debezium.pause()
            self.wait_landed()
        self.receive()

    def position(self):
        return self.session.execute("SELECT pg_current_wal_flush_lsn()").fetchone()[0]

    def receive(self):
        """pg_recvlogical: what was written since the last time, up to now."""
        program = pathlib.Path(subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip()) / "pg_recvlogical"
        subprocess.run([program, "-d", f"{self.url}?sslmode=disable", "-S", "floor", "--start", "-f", "/dev/null", "--no-loop", "-F", "0",
                        "-E", self.position(), "-o", "proto_version=1", "-o", f"publication_names={PUBLICATION}", "-o", "binary=true"], check=True)

    def land(self):
        """Weir: until a query sees it all."""
        self.resume()
        self.wait_landed()

    def deliver(self):
        """Debezium: until the receiver has it all."""
        self.debezium.resume()
        self.debezium.wait_events(self.written)

    def write_mixed(self, commits):
        self.session.execute("CALL mixed(%s, %s)", (self.next_id, commits))
        self.wrote(commits)

    def write_large(self, commits, rows):
        for _ in range(commits):
            self.session.execute("INSERT INTO t SELECT %s + i, i, 'large ' || i, i / 100.0, now() FROM generate_series(0, %s - 1) i", (self.next_id, rows))
            self.wrote(rows)

    def write_probe(self, number):
        self.session.execute("INSERT INTO t VALUES (%s, 0, 'probe', 0, now())", (-number,))
        self.written += 1

    def wrote(self, rows):
        self.next_id += rows
        self.written += rows

    def check(self):
        theirs = self.session.execute("SELECT count(*), sum(id), sum(a) FROM t").fetchone()
        assert [int(value) for value in self.query("SELECT count(*), sum(id)::VARCHAR, sum(a)::VARCHAR FROM {t}")["rows"][0]] == [int(v) for v in theirs]

    def close(self):
        if self.debezium:
            self.debezium.close()
        super().close()

"""A database of its own in the source with one table `t`, and Weir's live copy of it: for the benchmarks of changes and of reads."""

import time

import psycopg
import requests


class LiveCopy:
    """The database, the connector and the catalog have the same name."""

    def __init__(self, source, weir, name):
        self.source, self.weir, self.name = source, weir, name
        self.url = source.url.replace("/postgres", "/" + name)
        self.connector = f"{weir.url}/v1/connectors/{name}"
        self.drop_database()
        with psycopg.connect(source.url, autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        self.session = psycopg.connect(self.url, autocommit=True)
        self.session.execute("SET synchronous_commit = off")
        self.http = requests.Session()  # one connection for all queries

    def drop_database(self):
        with psycopg.connect(self.source.url, autocommit=True) as session:
            session.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s", (self.name,))
            session.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def follow(self, **sync):
        body = {"name": self.name, "type": "postgres", "mode": "sync",
                "connection": {"url": f"postgres://weir@localhost:{self.source.port}/{self.name}", "secret_ref": "$env:BENCH_PASSWORD", "tls": "disabled"},
                "sync": {"tables": ["public.t"], **sync}}
        answer = requests.post(self.weir.url + "/v1/connectors", json=body)
        assert answer.status_code == 201, answer.text
        self.wait_landed()

    def query(self, sql, **parameters):
        """`{t}` stands for the copy."""
        return self.http.post(self.weir.url + "/v1/query", json={"query": sql.format(t=f"{self.name}.public.t")}, params=parameters).json()

    def wait_landed(self):
        """Until a query sees all that was committed."""
        position = self.session.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        deadline = time.monotonic() + 600
        while "rows" not in self.query("SELECT 1 FROM {t} LIMIT 1", min_lsn=position):
            assert time.monotonic() < deadline, requests.get(self.connector + "/status").text
            time.sleep(0.01)

    def pause(self):
        assert requests.post(self.connector + "/pause?scope=sync").status_code == 200

    def resume(self):
        assert requests.post(self.connector + "/resume?scope=sync").status_code == 200

    def close(self):
        requests.delete(self.connector)
        self.session.close()
        self.drop_database()

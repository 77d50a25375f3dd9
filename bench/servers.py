"""What the benchmarks run against: a private PostgreSQL with TPC-H, and a Weir server on it."""

import os
import pathlib
import subprocess
import sys
import time
import urllib.parse

import psycopg
import requests

import tpch_data

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOME = pathlib.Path(os.environ.get("WEIR_BENCH_HOME", "/var/tmp/weir-bench"))
WEIR = ROOT / "build/bin/weir"
class Source:
    """PostgreSQL 15 with TPC-H at `scale` in the database tpch; kept between runs in HOME."""

    def __init__(self, scale):
        script = ROOT / "tests/servers/postgres.sh"
        directory = HOME / "pg"
        HOME.mkdir(parents=True, exist_ok=True)
        subprocess.run([script, "stop", directory], check=False, capture_output=True)
        settings = ["shared_buffers=1GB", "max_wal_size=8GB", "autovacuum=off", "wal_level=logical"]
        self.url = subprocess.run([script, "start", directory, "free", *settings], check=True, capture_output=True, text=True).stdout.strip()
        self.script, self.directory = script, directory
        self.port = urllib.parse.urlsplit(self.url).port
        self.password = urllib.parse.urlsplit(self.url).password
        self.pid = int((directory / "data/postmaster.pid").read_text().splitlines()[0])
        self.database = f"tpch_{str(scale).replace('.', '_')}"
        self.tpch_url = self.url.replace("/postgres", "/" + self.database)
        with psycopg.connect(self.url, autocommit=True) as session:
            if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", (self.database,)).fetchone():
                session.execute(f"CREATE DATABASE {self.database}")
        with psycopg.connect(self.tpch_url) as session:
            there = {name for (name,) in session.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        missing = [table for table in tpch_data.TABLES if table not in there]
        if missing:
            folder = HOME / f"csv-{scale}"
            tpch_data.generate(scale, folder, missing)
            tpch_data.load(self.tpch_url, folder, missing)
        with psycopg.connect(self.tpch_url, autocommit=True) as session:
            session.execute("CHECKPOINT")
            self.rows, self.orders = (session.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("lineitem", "orders"))

    def stop(self):
        subprocess.run([self.script, "stop", self.directory], check=True)


class Weir:
    """`weir serve` with the database registered as pg; TLS off, as for the peers."""

    def __init__(self, source):
        data = HOME / f"data-{os.getpid()}"
        self.log = open(HOME / "weir.log", "wb")
        self.process = subprocess.Popen([WEIR, "serve", "--data-dir", data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env={**os.environ, "BENCH_PASSWORD": source.password})
        self.url = "http://" + self.process.stdout.readline().split("http://")[1].split()[0]
        deadline = time.monotonic() + 30
        while requests.get(self.url + "/ready").status_code != 200:
            assert time.monotonic() < deadline, "the server is not ready"
        body = {"name": "pg", "type": "postgres", "mode": "federation",
                "connection": {"url": f"postgres://weir@localhost:{source.port}/{source.database}", "secret_ref": "$env:BENCH_PASSWORD", "tls": "disabled", "pool_size": 10}}
        answer = requests.post(self.url + "/v1/connectors", json=body)
        assert answer.status_code == 201, answer.text
        self.data = data

    @property
    def pid(self):
        return self.process.pid

    def queries(self):
        """Running ones first, then the finished, newest first."""
        return requests.get(self.url + "/v1/queries").json()["items"]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        subprocess.run(["rm", "-rf", self.data], check=True)

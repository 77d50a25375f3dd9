"""The first copy of lineitem: COPY binary to /dev/null (floor), DuckDB's postgres extension to Parquet (peer), Weir's snapshot into the lake."""

import json
import subprocess
import sys
import time

import measure
import requests
import scan
import servers

PEER = """
import duckdb, json, pathlib, resource, sys
import duckdb_extension_postgres_scanner as package
[extension] = pathlib.Path(list(package.__path__)[0]).rglob("*.duckdb_extension")
session = duckdb.connect()
session.execute("SET threads = 2; SET enable_progress_bar = false")
session.execute(f"LOAD '{extension}'")
session.execute(f"ATTACH '{sys.argv[1]}' AS pg (TYPE postgres, READ_ONLY)")
session.execute(f"COPY (SELECT * FROM pg.public.lineitem) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION snappy)")
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""


def peer(source):
    file = servers.HOME / "lineitem.parquet"
    done = subprocess.run([sys.executable, "-c", PEER, f"{source.tpch_url}?sslmode=disable", file], check=True, capture_output=True, text=True)
    file.unlink()
    return json.loads(done.stdout)


def ours(weir, source):
    body = {"name": "copy", "type": "postgres", "mode": "sync",
            "connection": {"url": f"postgres://weir@localhost:{servers.PORT}/{source.database}", "secret_ref": "$env:BENCH_PASSWORD", "tls": "disabled"},
            "sync": {"tables": ["public.lineitem"]}}
    answer = requests.post(weir.url + "/v1/connectors", json=body)
    assert answer.status_code == 201, answer.text
    while True:
        sync = requests.get(weir.url + "/v1/connectors/copy/status").json()["sync"]
        if sync["tables"] and sync["tables"][0]["phase"] == "streaming":
            return
        assert sync["status"] not in ("disabled", "errored"), sync
        time.sleep(0.02)


def forget(weir):
    assert requests.delete(weir.url + "/v1/connectors/copy").status_code == 204


def table(source, weir, runs):
    results = {"COPY binary to /dev/null (floor)": [], "DuckDB postgres extension, to Parquet (peer)": [], "Weir, snapshot into the lake": []}
    for _ in range(runs):
        works = (lambda: scan.floor(source), lambda: peer(source), lambda: ours(weir, source))
        for result, work, pids in zip(results.values(), works, ((), (), (weir.pid,))):
            result.append(measure.run(work, source.pid, pids))
        forget(weir)
    return scan.report("## Snapshot: lineitem (6,001,215 rows) into a live copy", {name: measure.median(found) for name, found in results.items()})

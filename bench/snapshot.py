"""The first copy of lineitem: COPY binary to /dev/null (floor), DuckDB's postgres extension to Parquet (peer), Weir's snapshot into the lake."""

import time

import duckdb_peer
import measure
import requests
import scan
import servers

PEER = f"""
session.execute(f"COPY (SELECT * FROM pg.public.lineitem) TO '{{sys.argv[2]}}' (FORMAT parquet, COMPRESSION snappy)")
print(json.dumps({duckdb_peer.PEAK}))
"""
PEER_NAME, OURS = "DuckDB postgres extension, to Parquet (peer)", "Weir, snapshot into the lake"


def peer(source):
    file = servers.HOME / "lineitem.parquet"
    peak = duckdb_peer.run(PEER, source.tpch_url, file)
    file.unlink()
    return peak


def ours(weir, source):
    body = {"name": "copy", "type": "postgres", "mode": "sync",
            "connection": {"url": f"postgres://weir@localhost:{source.port}/{source.database}", "secret_ref": "$env:BENCH_PASSWORD", "tls": "disabled"},
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
    results = {scan.FLOOR: [], PEER_NAME: [], OURS: []}
    for _ in range(runs):
        works = (lambda: scan.floor(source), lambda: peer(source), lambda: ours(weir, source))
        for result, work, pids in zip(results.values(), works, ((), (), (weir.pid,))):
            result.append(measure.run(work, source.pid, pids))
        forget(weir)
    medians = {name: measure.median(found) for name, found in results.items()}
    peer_cpu, our_cpu = medians[PEER_NAME].client_cpu, medians[OURS].client_cpu
    failed = [f"snapshot: client CPU {our_cpu:.2f} s, of the peer {peer_cpu:.2f}"] if our_cpu > peer_cpu else []
    return scan.report(f"## Snapshot: lineitem ({source.rows:,} rows) into a live copy", medians, source.rows), failed

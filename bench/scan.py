"""All of lineitem as Arrow: COPY binary to /dev/null (floor), DuckDB's postgres extension (peer), Weir over HTTP."""

import json
import subprocess
import sys

import measure

PEER = """
import duckdb, json, pathlib, resource, sys
import duckdb_extension_postgres_scanner as package
[extension] = pathlib.Path(list(package.__path__)[0]).rglob("*.duckdb_extension")
session = duckdb.connect()
session.execute("SET threads = 2; SET enable_progress_bar = false")
session.execute(f"LOAD '{extension}'")
session.execute(f"ATTACH '{sys.argv[1]}' AS pg (TYPE postgres, READ_ONLY)")
rows = sum(batch.num_rows for batch in session.execute("SELECT * FROM pg.public.lineitem").to_arrow_reader(100_000))
print(json.dumps({"rows": rows, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def floor(source):
    subprocess.run(["psql", "-qX", f"{source.tpch_url}?sslmode=disable", "-c", "COPY lineitem TO STDOUT (FORMAT binary)"], check=True, stdout=subprocess.DEVNULL)


def peer(source):
    done = subprocess.run([sys.executable, "-c", PEER, f"{source.tpch_url}?sslmode=disable"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["peak_mb"]


def ours(weir):
    subprocess.run(["curl", "-fsS", "-o", "/dev/null", "-H", "Content-Type: application/sql", "-H", "Accept: application/vnd.apache.arrow.stream",
                    "--data-binary", "SELECT * FROM pg.public.lineitem", weir.url + "/v1/query"], check=True)


def measure_all(source, weir, runs):
    results = {"COPY binary to /dev/null (floor)": [], "DuckDB postgres extension, to Arrow (peer)": [], "Weir, Arrow over HTTP": []}
    for _ in range(runs):
        for result, work, pids in zip(results.values(), (lambda: floor(source), lambda: peer(source), lambda: ours(weir)), ((), (), (weir.pid,))):
            result.append(measure.run(work, source.pid, pids))
    return {name: measure.median(found) for name, found in results.items()}


def report(title, medians):
    rows = 6_001_215
    lines = [title, "", "| | seconds | rows/s | client CPU-s | source CPU-s | peak MB | CPU ÷ peer |", "|---|---|---|---|---|---|---|"]
    peer_cpu = next(m.client_cpu + m.server_cpu for name, m in medians.items() if "peer" in name)
    for name, m in medians.items():
        lines.append(f"| {name} | {m.seconds:.2f} | {rows / m.seconds:,.0f} | {m.client_cpu:.2f} | {m.server_cpu:.2f} | {m.peak_mb:.0f} | {(m.client_cpu + m.server_cpu) / peer_cpu:.2f} |")
    return "\n".join(lines) + "\n"


def table(source, weir, runs):
    return report("## Scan: lineitem (TPC-H, 6,001,215 rows, 16 columns) to Arrow", measure_all(source, weir, runs))

"""All of lineitem as Arrow: COPY binary to /dev/null (floor), DuckDB's postgres extension (peer), Weir over HTTP."""

import subprocess

import duckdb_peer
import measure

PEER = f"""
rows = sum(batch.num_rows for batch in session.execute("SELECT * FROM pg.public.lineitem").to_arrow_reader(100_000))
print(json.dumps({{"rows": rows, "peak_mb": {duckdb_peer.PEAK}}}))
"""
FLOOR, PEER_NAME, OURS = "COPY binary to /dev/null (floor)", "DuckDB postgres extension, to Arrow (peer)", "Weir, Arrow over HTTP"


def floor(source):
    subprocess.run(["psql", "-qX", f"{source.tpch_url}?sslmode=disable", "-c", "COPY lineitem TO STDOUT (FORMAT binary)"], check=True, stdout=subprocess.DEVNULL)


def peer(source):
    answer = duckdb_peer.run(PEER, source.tpch_url)
    assert answer["rows"] == source.rows, (answer, source.rows)
    return answer["peak_mb"]


def ours(weir):
    subprocess.run(["curl", "-fsS", "-o", "/dev/null", "-H", "Content-Type: application/sql", "-H", "Accept: application/vnd.apache.arrow.stream",
                    "--data-binary", "SELECT * FROM pg.public.lineitem", weir.url + "/v1/query"], check=True)


def check_rows(source, weir):
    """That the answer just measured was whole: the server itself counted its rows, and ended it."""
    last = next(query for query in weir.queries() if "public.lineitem" in query["text"])
    assert last["state"] == "done" and last["summary"]["row_count"] == source.rows, (last, source.rows)


def measure_all(source, weir, runs):
    results = {FLOOR: [], PEER_NAME: [], OURS: []}
    for _ in range(runs):
        for result, work, pids in zip(results.values(), (lambda: floor(source), lambda: peer(source), lambda: ours(weir)), ((), (), (weir.pid,))):
            result.append(measure.run(work, source.pid, pids))
        check_rows(source, weir)
    return {name: measure.median(found) for name, found in results.items()}


def report(title, medians, rows):
    lines = [title, "", "| | seconds | rows/s | client CPU-s | source CPU-s | peak MB | CPU ÷ peer |", "|---|---|---|---|---|---|---|"]
    peer_cpu = next(m.client_cpu + m.server_cpu for name, m in medians.items() if "peer" in name)
    for name, m in medians.items():
        lines.append(f"| {name} | {m.seconds:.2f} | {rows / m.seconds:,.0f} | {m.client_cpu:.2f} | {m.server_cpu:.2f} | {m.peak_mb:.0f} | {(m.client_cpu + m.server_cpu) / peer_cpu:.2f} |")
    return "\n".join(lines) + "\n"


def slower_than_peer(medians):
    """In what Weir takes more than the peer: seconds, CPU."""
    peer, ours = medians[PEER_NAME], medians[OURS]
    figures = {"seconds": (ours.seconds, peer.seconds), "CPU-seconds": (ours.client_cpu + ours.server_cpu, peer.client_cpu + peer.server_cpu)}
    return [f"scan: {name} of Weir {mine:.2f}, of the peer {theirs:.2f}" for name, (mine, theirs) in figures.items() if mine > theirs]


def table(source, weir, runs):
    """The table, and what fails the gate."""
    medians = measure_all(source, weir, runs)
    return report(f"## Scan: lineitem (TPC-H, {source.rows:,} rows, 16 columns) to Arrow", medians, source.rows), slower_than_peer(medians)

"""A row by its key: the same statement through libpq (floor), DuckDB's postgres extension (peer), Weir over HTTP."""

import json
import pathlib
import random
import socket
import subprocess
import time
import urllib.parse

import duckdb_peer
import measure
import servers

LOOKUPS = 2_000
COLUMNS = "o_orderkey, o_custkey, o_totalprice, o_orderdate"
PEER = f"""
session.execute("SET pg_experimental_filter_pushdown = true")
took = []
for key in json.loads(sys.argv[2]):
    began = time.perf_counter()
    session.execute(f"SELECT {COLUMNS} FROM pg.public.orders WHERE o_orderkey = {{key}}").fetchall()
    took.append(time.perf_counter() - began)
print(json.dumps(took))
"""


def floor(source, keys):
    """bench/lookup_floor.cc: PQexecParams on one warm connection."""
    program = servers.HOME / "lookup_floor"
    text = pathlib.Path(__file__).with_name("lookup_floor.cc")
    if not program.exists() or program.stat().st_mtime < text.stat().st_mtime:
        include = subprocess.run(["pg_config", "--includedir"], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["g++", "-std=c++20", "-O2", f"-I{include}", text, "-lpq", "-o", program], check=True)
    done = subprocess.run([program, f"{source.tpch_url}?sslmode=disable", f"SELECT {COLUMNS} FROM orders WHERE o_orderkey = $1"], input="\n".join(map(str, keys)),
                          check=True, capture_output=True, text=True)
    return [float(line) / 1e6 for line in done.stdout.split()]


def peer(source, keys):
    return duckdb_peer.run(PEER, source.tpch_url, json.dumps(keys))


def read_answer(client):
    """One HTTP answer with a chunked body, as bytes."""
    data = b""
    while not data.endswith(b"\r\n0\r\n\r\n"):
        data += client.recv(1 << 16)
    return data


def ours(weir, keys):
    parts = urllib.parse.urlsplit(weir.url)
    client = socket.create_connection((parts.hostname, parts.port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took = []
    for key in keys:
        body = f"SELECT {COLUMNS} FROM pg.public.orders WHERE o_orderkey = {key}".encode()
        head = f"POST /v1/query HTTP/1.1\r\nHost: bench\r\nContent-Type: application/sql\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        began = time.perf_counter()
        client.sendall(head + body)
        answer = read_answer(client)
        took.append(time.perf_counter() - began)
        assert str(key).encode() in answer and b"200 OK" in answer, answer
    return took


def table(source, weir, runs):
    chance = random.Random(1)
    results = {"libpq, PQexecParams (floor)": [], "DuckDB postgres extension (peer)": [], "Weir, JSON over HTTP": []}
    for _ in range(runs):
        keys = [chance.randrange(source.orders) // 8 * 32 + chance.randrange(8) for _ in range(LOOKUPS)]
        keys = [max(key, 1) for key in keys]
        for result, work in zip(results.values(), (lambda: floor(source, keys), lambda: peer(source, keys[: LOOKUPS // 4]), lambda: ours(weir, keys))):
            result.extend(work())
    lines = ["## Look-up: one order by its primary key", "", f"{LOOKUPS} look-ups a run on one warm connection.", "",
             "| | p50 ms | p99 ms | p50 ÷ floor |", "|---|---|---|---|"]
    base = measure.percentile(next(iter(results.values())), 0.5)
    for name, took in results.items():
        p50, p99 = measure.percentile(took, 0.5), measure.percentile(took, 0.99)
        lines.append(f"| {name} | {p50 * 1e3:.3f} | {p99 * 1e3:.3f} | {p50 / base:.1f} |")
    return "\n".join(lines) + "\n", []

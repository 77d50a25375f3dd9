#!/usr/bin/env python3
"""Runs the benchmarks (./dev bench [NAME…] [--scale N] [--runs N] [--without-debezium]): us, the floor and the peer in one go.

Prints each table as it comes. At scale 1 with all peers it also takes its place in docs/benchmarks.md. Exit code 1 when a benchmark
misses its gate."""

import argparse
import datetime
import functools
import os
import platform
import re
import sys

import aggregate
import commits
import direct
import lag
import lookup
import reads
import scan
import servers
import snapshot
import tpch

BENCHMARKS = {"scan": scan.table, "lookup": lookup.table, "aggregate": aggregate.table, "tpch": tpch.table, "snapshot": snapshot.table, "commits": commits.table, "lag": lag.table, "direct": direct.table,
              "reads": functools.partial(reads.table, rows=3_000_000), "reads-30m": functools.partial(reads.table, rows=30_000_000)}
WITH_DEBEZIUM = ("commits", "lag")
INTRODUCTION = """# Benchmarks

Made by `./dev bench`. CPU-seconds first: wall time on a shared machine moves by more. "client" is everything but the source
(for Weir: the server and the HTTP client together), "source" is PostgreSQL. Each figure is the median of the runs; floor,
peer and Weir take turns in one run. PostgreSQL 15 (fsync off, 1 GB buffers) on loopback without TLS, DuckDB 1.5.5.

"""
PAGE = servers.ROOT / "docs/benchmarks.md"


def note(name, runs):
    """What stands above a benchmark's tables, and tells them from the next one's."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"<!-- {name} -->\n*{datetime.date.today()}, {runs} runs, {os.cpu_count()} cores of {model}*\n\n"


def store(name, text):
    """In the place of what the page had of this benchmark."""
    parts = re.split(r"(?m)^(?=<!-- [\w-]+ -->$)", PAGE.read_text())[1:]
    known = {part.split()[1]: part.strip() for part in parts}
    known[name] = text.strip()
    PAGE.write_text(INTRODUCTION + "\n\n".join(known[one] for one in BENCHMARKS if one in known) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []])
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--without-debezium", action="store_true", help="does not download and run Debezium Server (780 MB)")
    asked = parser.parse_args()
    source = servers.Source(int(asked.scale) if asked.scale >= 1 else asked.scale)
    weir = servers.Weir(source)
    try:
        failures = []
        for name in asked.names or BENCHMARKS:
            options = {"with_debezium": not asked.without_debezium} if name in WITH_DEBEZIUM else {}
            table, failed = BENCHMARKS[name](source, weir, asked.runs, **options)
            print(table, flush=True)
            failures += failed
            if asked.scale == 1 and not (asked.without_debezium and name in WITH_DEBEZIUM):
                store(name, note(name, asked.runs) + table)
    finally:
        weir.stop()
        source.stop()
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()

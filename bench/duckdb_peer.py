"""The peer: DuckDB with its postgres extension, in a process of its own."""

import json
import subprocess
import sys

SESSION = """
import duckdb, json, pathlib, resource, sys, time
import duckdb_extension_postgres_scanner as package
[extension] = pathlib.Path(list(package.__path__)[0]).rglob("*.duckdb_extension")
session = duckdb.connect()
session.execute("SET threads = 2; SET enable_progress_bar = false")
session.execute(f"LOAD '{extension}'")
session.execute(f"ATTACH '{sys.argv[1]}' AS pg (TYPE postgres, READ_ONLY)")
"""
PEAK = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024"


def run(script, url, *arguments):
    """What `script` prints, as JSON. It finds the source attached to `session` as `pg`, and its arguments from sys.argv[2] on."""
    done = subprocess.run([sys.executable, "-c", SESSION + script, f"{url}?sslmode=disable", *map(str, arguments)],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)

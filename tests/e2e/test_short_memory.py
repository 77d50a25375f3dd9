"""Reads of the lake while other queries take all memory: caches go at any moment, and nothing that is in use goes with them."""

import concurrent.futures
import time

import pytest

from conftest import SANITIZED, Weir

SECONDS = 10
HUNGRY = "SELECT count(*) FROM (SELECT DISTINCT (random() * 1e9)::BIGINT AS a, random() AS b, random() AS c FROM range(6000000))"


@pytest.mark.skipif(SANITIZED, reason="the sanitizers need other amounts of memory")
def test_lake_tables_stay_while_a_query_reads_them():
    weir = Weir(arguments=["--memory-limit", "400MB"]).start()
    try:
        for name in ("a", "b", "c"):
            weir.query(f"CREATE TABLE {name} AS SELECT range AS i FROM range(1000)")
        until = time.monotonic() + SECONDS

        def ask(sql, expected):
            """How often it was answered."""
            asked = 0
            while time.monotonic() < until:
                assert weir.rows(sql) == expected, sql
                asked += 1
            return asked

        with concurrent.futures.ThreadPoolExecutor(6) as clients:
            hungry = [clients.submit(ask, HUNGRY, [[6_000_000]]) for _ in range(2)]
            reads = [clients.submit(ask, "SELECT count(*) FROM a JOIN b USING (i) JOIN c USING (i)", [[1000]]) for _ in range(4)]
            assert sum(one.result() for one in reads) > 50
            assert all(one.result() > 0 for one in hungry)
    finally:
        weir.stop()

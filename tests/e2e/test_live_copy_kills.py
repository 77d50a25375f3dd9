"""Weir is killed again and again while a writer of known history writes: the copy is a prefix of it at every moment, and equal at the end."""

import collections
import contextlib
import random
import signal
import time

import requests

from conftest import DEEP, Weir, wait_until
from history import History
from kill_points import TRACEABLE, at_extents, in_hot_commit, in_lake_commit
from test_live_copy import phases, sync_status

# What the server does when it dies: at random moments, and in the system calls that kill_points names.
ROUND = ["stream", "hot commit", "snapshot", "snapshot's extents", "hot commit", "snapshot", "lake commit", "hot commit", "snapshot", "snapshot's extents"]
ROUNDS = 40 if DEEP else 4


def register(weir, postgres, database, **sync):
    body = {"name": "pg", "type": "postgres", "mode": "sync",
            "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD"},
            "sync": {"tables": ["public.accounts", "public.items", "public.progress"], "fold_rows": 1000, "fold_after_ms": 300, **sync}}
    answer = weir.post("/v1/connectors", body)
    assert answer.status_code == 201, answer.text


def streaming(weir):
    found = sync_status(weir, "pg")
    assert found["status"] != "disabled", found
    return {table["phase"] for table in found["tables"]} == {"streaming"}


class Killer:
    """Lets the server die in a certain way, and counts what the deaths have hit."""

    def __init__(self, weir, history, chance):
        self.weir, self.history, self.chance = weir, history, chance
        self.ways = {"stream": self.in_stream, "hot commit": lambda: self.at(in_hot_commit(chance)), "lake commit": lambda: self.at(in_lake_commit(chance)),
                     "snapshot": self.in_snapshot, "snapshot's extents": self.in_next_snapshot}
        self.deaths = collections.Counter()
        self.checks = 0
        self.events = set()

    def start(self):
        self.weir.start()
        self.events.update(tuple(event.values()) for event in self.weir.get("/v1/connectors/pg/events").json()["items"])

    def kill(self, way):
        self.ways[way]()
        self.deaths[way] += 1
        assert self.weir.process.wait(20) == -signal.SIGKILL

    def in_stream(self):
        wait_until(lambda: streaming(self.weir), 60, "all tables stream")
        deadline = time.monotonic() + self.chance.random()
        while time.monotonic() < deadline:
            self.check()
        self.weir.process.kill()

    def at(self, point):
        wait_until(lambda: streaming(self.weir), 60, "all tables stream")
        self.check()
        point.arm(self.weir)
        self.until_dead(point)

    def in_snapshot(self):
        wait_until(lambda: streaming(self.weir), 60, "all tables stream")
        assert self.weir.post("/v1/connectors/pg/resync?table=public.items").status_code in (200, 202)
        wait_until(lambda: phases(self.weir, "pg")["public.items"] == "snapshotting", 60, "the snapshot begins")
        time.sleep(self.chance.random() * 0.3)
        self.weir.process.kill()

    def in_next_snapshot(self):
        """The one that a death in a snapshot has left to this start."""
        point = at_extents(self.weir.directory / "data", "items")
        point.arm(self.weir)
        self.until_dead(point)

    def until_dead(self, point):
        with contextlib.suppress(requests.RequestException):  # it may die while it is asked
            wait_until(lambda: not self.alive() or self.look() and False, 30, f"it dies at {point}")
        assert self.weir.process.wait(20) == -signal.SIGKILL
        assert point.was_hit(), point.trace.read_text()[-2000:]

    def look(self):
        if phases(self.weir, "pg")["public.items"] == "streaming":
            self.check()

    def check(self):
        self.history.check(self.weir)
        self.checks += 1

    def alive(self):
        return self.weir.process.poll() is None

    def snapshots_hit(self):
        """Deaths after which a table that was being read had to be read from the beginning."""
        hit, last = 0, {}
        for _, before, reason, table, now in sorted(self.events):
            hit += last.get(table) == "snapshotting" and reason == "waits for its snapshot"
            last[table] = now
        return hit


def test_kills(postgres, database, tmp_path, seed):
    chance = random.Random(seed)
    history = History(postgres.database_url(database), seed, rows=60_000)
    weir = Weir(directory=tmp_path, environment={"PG_PROD_PASSWORD": postgres.password}, command=TRACEABLE).start()
    register(weir, postgres, database)
    killer = Killer(weir, history, chance)
    history.start()
    try:
        for way in ROUND * ROUNDS:
            killer.kill(way)
            killer.start()
        wait_until(lambda: streaming(weir), 120, "all tables stream again")
        history.stop()
        wait_until(lambda: history.check(weir) == history.n, 60, "the copy has the whole history")
    except AssertionError as error:
        status = sync_status(weir, "pg") if killer.alive() else "dead"
        raise AssertionError(f"WEIR_SEED={seed}: {error}\n{status}\n{weir.log()[-3000:]}") from error
    finally:
        history.stopping.set()
        if not killer.alive():
            killer.start()
        weir.delete("/v1/connectors/pg")
        weir.stop()
    print(f"{dict(killer.deaths)}, {killer.snapshots_hit()} in a snapshot, {killer.checks} checks, {history.n} transactions")
    assert killer.snapshots_hit() >= 3 * ROUNDS
    assert killer.deaths["hot commit"] >= 3 * ROUNDS
    assert killer.checks > 20

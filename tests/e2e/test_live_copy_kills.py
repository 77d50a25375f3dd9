"""Weir is killed again and again while a writer of known history writes: the copy is a prefix of it at every moment, and equal at the end."""

import os
import random
import signal
import time

import pytest

from conftest import DEEP, Weir, wait_until
from history import History
from test_live_copy import phases, sync_status

KILLS = 400 if DEEP else 40


@pytest.fixture
def seed():
    seed = int(os.environ.get("WEIR_SEED") or random.SystemRandom().randrange(2**32))
    print(f"replay with WEIR_SEED={seed}")
    return seed


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


def test_kills(postgres, database, tmp_path, seed):
    chance = random.Random(seed)
    history = History(postgres.database_url(database), seed, rows=60_000)
    weir = Weir(directory=tmp_path, environment={"PG_PROD_PASSWORD": postgres.password}).start()
    register(weir, postgres, database)
    history.start()
    in_snapshot = checked = 0
    try:
        for kill in range(KILLS):
            if kill % 5 >= 3:
                # Goes back through a snapshot, and the kill shall hit it.
                weir.post(f"/v1/connectors/pg/resync?table=public.{chance.choice(['items', 'accounts'])}")
                time.sleep(chance.random() * 0.4)
            else:
                wait_until(lambda: streaming(weir), 60, "all tables stream")
                deadline = time.monotonic() + chance.random()
                while time.monotonic() < deadline:
                    history.check(weir)
                    checked += 1
            in_snapshot += any(phase in ("snapshotting", "pending") for phase in phases(weir, "pg").values())
            weir.stop(signal.SIGKILL)
            weir.start()
        wait_until(lambda: streaming(weir), 120, "all tables stream again")
        history.stop()
        wait_until(lambda: history.check(weir) == history.n, 60, "the copy has the whole history")
    except AssertionError as error:
        raise AssertionError(f"WEIR_SEED={seed}: {error}\n{sync_status(weir, 'pg')}\n{weir.log()[-3000:]}") from error
    finally:
        history.stopping.set()
        weir.delete("/v1/connectors/pg")
        weir.stop()
    print(f"{KILLS} kills, {in_snapshot} of them in a snapshot, {checked} checks, {history.n} transactions")
    assert in_snapshot >= KILLS * 12 // 40
    assert checked > 20

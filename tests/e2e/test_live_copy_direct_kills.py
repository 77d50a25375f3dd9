"""Weir is killed again and again while changes land in the lake itself: every snapshot of the lake is a prefix of a known history."""

import pathlib
import random
import signal
import sys
import time

import duckdb
from history import STATE, History
from test_live_copy import phases, sync_status
from test_live_copy_kills import register, streaming

from conftest import DEEP, Weir, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lake"))
from clients import duckdb_session  # noqa: E402

KILLS = 100 if DEEP else 10


def all_complete(session, version):
    try:
        return session.execute(f"""SELECT list(phase) FROM weir."pg.".weir_tables AT (VERSION => {version})""").fetchone()[0] == ["complete"] * 3
    except duckdb.CatalogException:
        return False  # before there was a copy


def check_snapshots(data, history, count):
    """What another program finds in the lake at about `count` of the snapshots that have all tables; answers how many it looked at."""
    session = duckdb_session(data, read_only=True)
    lake = STATE
    for table in ("progress", "accounts", "items"):
        lake = lake.replace(f"FROM {{0}}.public.{table}", f"""FROM (FROM weir."pg.public".{table} AT (VERSION => {{0}}) WHERE _kyma_op <> 'delete')""")
    versions = [version for [version] in session.execute("SELECT snapshot_id FROM weir.snapshots() ORDER BY 1").fetchall() if all_complete(session, version)]
    chosen = versions[::max(1, len(versions) // count)]
    for version in chosen:
        n, *state = session.execute(lake.format(version)).fetchone()
        assert tuple(map(int, state)) == history.states[n], f"snapshot {version} is not the source after transaction {n}"
    return len(chosen)


def test_kills(postgres, database, tmp_path, seed):
    chance = random.Random(seed)
    history = History(postgres.database_url(database), seed, rows=60_000)
    weir = Weir(directory=tmp_path, environment={"PG_PROD_PASSWORD": postgres.password}).start()
    register(weir, postgres, database, landing="direct")
    history.start()
    in_snapshot = checked = 0
    try:
        for kill in range(KILLS):
            if kill % 5 >= 3:
                # Goes back through a snapshot, and the kill shall hit it.
                weir.post(f"/v1/connectors/pg/resync?table=public.{chance.choice(['items', 'accounts'])}")
                time.sleep(chance.random() * 0.2)
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
        weir.stop()
        try:
            snapshots = check_snapshots(weir.directory / "data", history, 60)
        finally:
            weir.start()
        assert snapshots > KILLS // 2
    except AssertionError as error:
        raise AssertionError(f"WEIR_SEED={seed}: {error}\n{sync_status(weir, 'pg')}\n{weir.log()[-3000:]}") from error
    finally:
        history.stopping.set()
        weir.delete("/v1/connectors/pg")
        weir.stop()
    print(f"{KILLS} kills, {in_snapshot} of them in a snapshot, {checked} checks, {history.n} transactions")
    assert in_snapshot > 0
    assert checked > KILLS // 2

"""Under direct landing other programs see every commit: each snapshot of the lake is the history up to its position."""

import json
import pathlib
import random
import sys

import duckdb
import pytest
from test_landing_kill import LAST, shell

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lake"))
from clients import duckdb_session  # noqa: E402

IS_COMPLETE = """SELECT phase = 'complete' FROM weir."pg.".weir_tables AT (VERSION => {0})"""
POSITION = """SELECT position FROM weir."pg.".weir_position AT (VERSION => {0})"""
ROWS = """SELECT id::VARCHAR, big FROM weir."pg.public".notes AT (VERSION => {0}) WHERE _kyma_op <> 'delete'"""


def snapshots(session):
    """Those in which the copy is complete."""
    for [version] in session.execute("SELECT snapshot_id FROM weir.snapshots() ORDER BY 1").fetchall():
        try:
            if session.execute(IS_COMPLETE.format(version)).fetchall() == [(True,)]:
                yield version
        except duckdb.CatalogException:
            pass  # before there was one


@pytest.mark.parametrize("kills", [0, 3])
def test_every_snapshot_that_a_stranger_reads_is_the_history_up_to_its_position(tmp_path, kills):
    seed = random.randrange(1 << 30)
    data = tmp_path / "data"
    for _ in range(kills):
        shell("run", data, LAST, seed, fault=f"any:{random.randint(80, 300)}", landing="direct")
    code, said = shell("run", data, LAST, seed, landing="direct")
    assert code == 0, said
    history = json.loads(shell("history", LAST, seed)[1])
    session = duckdb_session(data, read_only=True)
    seen = set()
    for version in snapshots(session):
        [(position,)] = session.execute(POSITION.format(version)).fetchall()
        assert dict(session.execute(ROWS.format(version)).fetchall()) == history[position], f"seed {seed}, snapshot {version}"
        seen.add(position)
    assert sorted(seen) == [position for position in sorted(history) if position >= min(seen)], f"seed {seed}: a commit has no snapshot of its own"
    assert len(seen) > LAST / 2

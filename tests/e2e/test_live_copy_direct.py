"""The live copy whose changes land in the lake itself: what test_live_copy.py says of the other landing, and what is different."""

import pytest
from test_live_copy import (seed, source, sync_status, test_a_changed_key_moves_the_row, test_a_restart_goes_on_where_it_stood,  # noqa: F401
                            test_a_resync_copies_the_table_anew, test_changes_arrive_within_a_second, test_pause_and_resume_need_no_new_snapshot,
                            test_rows_have_the_four_columns, test_transactions_are_whole, test_truncate_empties_the_copy, wait_streaming)

from conftest import wait_until


@pytest.fixture(scope="module")
def landing():
    return "direct"


def snapshot_of_the_lake(weir):
    return weir.rows("SELECT max(snapshot_id) FROM weir_snapshots")[0][0]


def test_the_lake_has_every_commit(weir, seed, source):  # noqa: F811
    before = snapshot_of_the_lake(weir)
    source.execute("INSERT INTO users VALUES (6001, 'lake@example.com', 'eu')")
    lake = 'SELECT email FROM weir."pg_prod.public".users'
    wait_until(lambda: weir.rows(f"{lake} WHERE id = 6001") == [["lake@example.com"]], 5, "the insert")
    source.execute("DELETE FROM users WHERE id = 6001")
    wait_until(lambda: weir.rows(f"{lake} WHERE id = 6001 AND _kyma_op <> 'delete'") == [], 5, "the delete")
    assert snapshot_of_the_lake(weir) >= before + 2
    versions = range(before, snapshot_of_the_lake(weir) + 1)
    assert ["lake@example.com"] in [row for version in versions for row in weir.rows(f"{lake} AT (VERSION => {version}) WHERE id = 6001")]


def test_another_landing_copies_the_tables_anew(weir, seed, source):  # noqa: F811
    theirs = source.execute("SELECT count(*), sum(id) FROM users").fetchone()
    for landing in ("hot", "direct"):
        assert weir.patch(f"/v1/connectors/{seed}", {"sync": {"landing": landing}}).status_code == 200
        wait_streaming(weir, seed)
        assert weir.rows("SELECT count(*), sum(id) FROM pg_prod.public.users") == [[theirs[0], int(theirs[1])]]
    source.execute("INSERT INTO users VALUES (7001, 'anew@example.com', 'eu')")
    wait_until(lambda: weir.rows("SELECT email FROM pg_prod.public.users WHERE id = 7001") == [["anew@example.com"]], 10, "the stream goes on")

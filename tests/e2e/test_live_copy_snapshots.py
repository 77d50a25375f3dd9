"""Every snapshot that the lake ever had of tables that stream is the source after one of its transactions: for other readers, and for AT."""

import signal

from conftest import Weir
from copied import Copied
from history import History

TABLES = ["accounts", "items", "progress"]


def live(table):
    return f"""FROM weir."pg.public".{table} AT (VERSION => {{0}}) WHERE _kyma_op <> 'delete'"""


REST = f"""
SELECT (SELECT max(n) {live("progress")}),
       (SELECT sum(balance) {live("accounts")}),
       (SELECT coalesce(sum(('0x' || substr(md5(id || '|' || balance), 1, 15))::BIGINT), 0) {live("accounts")})
"""
ITEMS = f"""
SELECT coalesce(sum(('0x' || substr(md5(concat_ws('|', a, b, coalesce(note, '~'), coalesce(weight::VARCHAR, '~'), md5(coalesce(big, '~')))), 1, 15))::BIGINT), 0) {live("items")}
"""


def snapshots(weir, after):
    return [number for [number] in weir.rows(f"SELECT snapshot_id FROM weir_snapshots WHERE snapshot_id > {after} ORDER BY 1")]


def is_whole(weir, history, snapshot, loading):
    """The tables are those after one transaction; `items` is left out while it is loaded anew."""
    [[n, *rest]] = weir.rows(REST.format(snapshot))
    expected = history.states[n]
    items = expected[2] if loading else weir.rows(ITEMS.format(snapshot))[0][0]
    found = tuple(int(value) for value in (*rest, items))
    assert found == expected, f"snapshot {snapshot} of the lake is not what the source was after transaction {n}: {found}, {expected}"
    return n


def test_every_snapshot_of_the_lake_is_the_source_after_a_transaction(postgres, database, tmp_path, seed):
    history = History(postgres.database_url(database), seed, rows=300)
    weir = Weir(directory=tmp_path, environment={"PG_PROD_PASSWORD": postgres.password}).start()
    copy = Copied(weir, postgres, database, TABLES, fold_after_ms=100)

    def all_folded():
        copy.wait(lambda: history.check(weir) == history.n, 30, "the copy has the whole history")
        copy.wait(lambda: 'weir_sync_hot_rows{connector="pg"} 0' in weir.get("/metrics").text.splitlines(), 30, "all of it is folded")
        return snapshots(weir, -1)[-1]
    try:
        copy.wait_streaming()
        first, loading = all_folded(), set()
        for part in range(8):
            to = history.n + 150
            history.start()
            copy.wait(lambda: history.n > to, 30, "the source goes on")
            if part in (2, 5):
                weir.stop(signal.SIGKILL)
                weir.start()
            if part in (1, 3, 6):
                begun = snapshots(weir, first)[-1]
                copy.resync("items")
            copy.wait_streaming()
            history.stop()
            end = all_folded()
            if part in (1, 3, 6):
                loading.update(range(begun + 1, end))
        checked = [is_whole(weir, history, number, number in loading) for number in snapshots(weir, first - 1)]
        assert len(set(checked)) > 10 and checked == sorted(checked), checked
    finally:
        history.stopping.set()
        weir.delete("/v1/connectors/pg")
        weir.stop()

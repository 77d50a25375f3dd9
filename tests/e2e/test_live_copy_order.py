"""The order of durability, as the operating system sees it: rows and position, then the source is told; extents, then the catalog."""

import os
import re
import struct

from conftest import WEIR, Weir, wait_until
from copied import Copied
from history import History
from system_calls import calls, traced

# A standby status update inside of CopyData: what is written, flushed and applied.
TOLD = re.compile(rb"d\0\0\0&r(.{8})(.{8})(.{8})", re.DOTALL)
EXTENT = re.compile(rb"ducklake-[0-9a-f-]{36}(?:-delete)?\.parquet")


def position(text):
    return int(text, 16)


def source_was_told_after_the_sync(trace, identity):
    """How many times the source was told of something new."""
    landed = re.compile(rb"([0-9A-F]{16}).{0,16}?" + re.escape(identity.encode()), re.DOTALL)  # as a row of weir_position
    written = durable = told = times = 0
    for call in calls(trace):
        if call.path.endswith("/hot.duckdb.wal"):
            if call.name == "write" and not call.ended:
                written = max([written, *(position(text) for text in landed.findall(call.data))])
            elif call.name in ("fsync", "fdatasync") and call.ended:
                durable = written
        for update in TOLD.findall(call.data) if call.name in ("write", "sendto") and not call.ended else []:
            [flushed] = struct.unpack(">Q", update[1])
            assert flushed <= durable, f"the source was told {flushed:X} when {durable:X} was on the disk and {written:X} was written"
            times += flushed > told
            told = max(told, flushed)
    return times


def extents_were_synced_before_the_catalog(trace):
    """How many extents the catalog learned of."""
    synced, entries_synced, made, named, durable = set(), set(), {}, set(), set()
    for call in calls(trace):
        directory, name = os.path.split(call.path)
        if call.name == "openat" and call.creates and name.endswith(".parquet") and not call.ended:
            made[name] = directory
        elif call.name == "fsync" and call.ended and name in made:
            synced.add(name)
        elif call.name == "fsync" and call.ended:
            entries_synced.update(made_name for made_name, place in made.items() if place == call.path)
        if name != "catalog.ducklake.wal":
            continue
        if call.name == "write":
            named.update(text.decode() for text in EXTENT.findall(call.data))
        elif call.name == "fsync" and not call.ended:
            for extent in named - durable:
                assert extent in synced, f"{extent} is in the catalog, and was not synced"
                assert extent in entries_synced, f"{extent} is in the catalog, and its directory was not synced"
            durable |= named
    return len(durable & made.keys())


def test_rows_before_the_source_is_told_and_extents_before_the_catalog(postgres, database, tmp_path):
    trace = tmp_path / "trace"
    history = History(postgres.database_url(database), 1, rows=2_000)
    weir = Weir(directory=tmp_path, environment={"PG_PROD_PASSWORD": postgres.password}, command=traced(WEIR, trace)).start()
    try:
        # Without TLS, so that the trace shows what is said.
        copy = Copied(weir, postgres, database, ["accounts", "items", "progress"], tls="disabled")
        copy.wait_streaming()
        for transactions in (300, 600, 900):
            history.start()
            wait_until(lambda: history.check(weir) > transactions, 60, f"{transactions} transactions have landed")
            history.stop()
            copy.wait(lambda: history.check(weir) == history.n, 30, "the copy has the whole history")
            copy.wait(lambda: 'weir_sync_hot_rows{connector="pg"} 0' in weir.get("/metrics").text.splitlines(), 30, "all of it is folded")
    finally:
        history.stopping.set()
        weir.delete("/v1/connectors/pg")
        weir.stop()
    with postgres.connect() as session:
        [identity] = session.execute("SELECT system_identifier || '/' || timeline_id FROM pg_control_system(), pg_control_checkpoint()").fetchone()
    assert source_was_told_after_the_sync(trace, identity) >= 10
    assert extents_were_synced_before_the_catalog(trace) >= 12

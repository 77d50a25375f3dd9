"""Answers stream: flat memory, backpressure from a slow client, a client that goes away stops the work on the source."""

import json
import pathlib
import socket
import urllib.parse

import pyarrow
import pytest
import requests

from conftest import DEEP, SANITIZED, wait_until

MEGABYTE = 1 << 20
# The queue of a scan (16 MB), DuckDB's buffer, batches on their way and what the kernel takes; the answer itself would be 2 TB.
SLOW_CLIENT_BYTES_MAX = 100 * MEGABYTE
ACCEPT = {"json": "application/json", "ndjson": "application/x-ndjson", "arrow": "application/vnd.apache.arrow.stream"}


def forget_peak(server):
    """The peak begins anew at what is resident now; without this an earlier one hides what comes."""
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def peak_bytes(server):
    return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmHWM"))


def resident_bytes(server):
    return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmRSS"))


def drain(server, sql, form):
    """Reads the answer and throws it away; its size in bytes."""
    answer = requests.post(server.url + "/v1/query", data=sql, stream=True, timeout=600,
                           headers={"Content-Type": "application/sql", "Accept": ACCEPT[form]})
    assert answer.status_code == 200, answer.text
    return sum(len(chunk) for chunk in answer.iter_content(1 << 20))


@pytest.fixture(scope="module")
def server(start_weir, postgres, database):
    # Set-returning functions stand in the SELECT list, where PostgreSQL streams them; in FROM it would store them first.
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE numbers AS SELECT i AS id, i * 2 AS twice FROM generate_series(1, 600000) i")
        session.execute("CREATE VIEW many AS SELECT generate_series(1, 60000000) AS id")
        session.execute("CREATE VIEW endless AS SELECT generate_series(1, 2000000000) AS id, repeat('x', 1000) AS filler")
        session.execute("ANALYZE")
    server = start_weir()
    server.register(postgres, database)
    return server


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory grows")
@pytest.mark.parametrize("form", ["json", "ndjson", "arrow"])
def test_memory_stays_flat_on_a_hundred_times_larger_answer(server, form):
    forget_peak(server)
    drain(server, "SELECT * FROM range(600000)", form)
    before = peak_bytes(server)
    forget_peak(server)
    assert drain(server, f"SELECT * FROM range({60_000_000 if DEEP or form == 'arrow' else 10_000_000})", form) > 10_000_000
    assert peak_bytes(server) - before < 50 * MEGABYTE


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory grows")
def test_memory_stays_flat_on_a_long_live_read(server):
    forget_peak(server)
    drain(server, f"SELECT * FROM pg_prod.public.many LIMIT {6_000_000 if DEEP else 600_000}", "arrow")
    before = peak_bytes(server)
    forget_peak(server)
    rows = 60_000_000 if DEEP else 6_000_000
    drain(server, f"SELECT * FROM pg_prod.public.many LIMIT {rows}", "arrow")
    assert peak_bytes(server) - before < 50 * MEGABYTE


def open_stream(server, sql):
    """A client that sends the request and reads nothing."""
    parts = urllib.parse.urlsplit(server.url)
    client = socket.create_connection((parts.hostname, parts.port))
    body = sql.encode()
    client.sendall(b"POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/sql\r\nAccept: application/x-ndjson\r\n"
                   b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
    return client


def active(session, marker):
    return session.execute("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE %s", (f"%{marker}%",)).fetchone()[0]


def test_a_slow_client_holds_the_source_back(server, postgres, database):
    # What one answer of that width takes when its client reads it.
    drain(server, "SELECT * FROM pg_prod.public.endless LIMIT 100000", "ndjson")
    forget_peak(server)
    before = resident_bytes(server)
    client = open_stream(server, "SELECT * FROM pg_prod.public.endless")
    with postgres.connect(database) as session:
        wait_until(lambda: active(session, "endless"))
        # The source is stopped by backpressure: it waits to send, and we hold no more than our queues.
        wait_until(lambda: session.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND query LIKE '%endless%'").fetchone()[0], what="the source waits for us")
        if not SANITIZED:
            assert peak_bytes(server) - before < SLOW_CLIENT_BYTES_MAX
        client.close()
        wait_until(lambda: active(session, "endless") == 0, what="the source stopped when the client went away")


def test_a_client_that_goes_away_before_the_first_row_stops_the_source(server, postgres, database):
    client = open_stream(server, "SELECT count(*), max(filler) FROM pg_prod.public.endless")
    with postgres.connect(database) as session:
        wait_until(lambda: active(session, "endless"))
        client.close()
        wait_until(lambda: active(session, "endless") == 0, what="the source stopped")
    wait_until(lambda: all(q["state"] != "running" for q in server.get("/v1/queries").json()["items"]))


def test_a_client_that_goes_away_stops_a_statement_before_the_last(server):
    client = open_stream(server, "SELECT sum(range % 7) FROM range(30000000000); SELECT 1")
    running = lambda: [q for q in server.get("/v1/queries").json()["items"] if q["state"] == "running"]
    wait_until(running)
    client.close()
    wait_until(lambda: not running(), 5, "the query ended")
    [query] = [q for q in server.get("/v1/queries").json()["items"] if "range % 7" in q["text"]]
    assert query["state"] == "cancelled"


def test_ndjson_has_a_row_per_line_and_a_summary(server):
    answer = server.post("/v1/query", {"query": "SELECT id, twice FROM pg_prod.public.numbers WHERE id <= 3 ORDER BY id"}, headers={"Accept": ACCEPT["ndjson"]})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[:-1] == [{"id": i, "twice": 2 * i} for i in (1, 2, 3)]
    assert lines[-1]["$summary"]["pushdown_summary"][0]["filters_pushed"] == ["id <= $1"]


def test_arrow_is_read_by_pyarrow(server):
    answer = server.post("/v1/query", {"query": "SELECT id, twice FROM pg_prod.public.numbers"}, headers={"Accept": ACCEPT["arrow"]})
    reader = pyarrow.ipc.open_stream(answer.content)
    rows, summary = 0, None
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            break
        rows += batch.num_rows
        summary = metadata or summary
    assert rows == 600_000
    assert json.loads(summary[b"weir"])["pushdown_summary"][0]["rows_returned"] == 600_000


def test_an_error_after_the_first_rows_is_never_mistaken_for_the_end(server, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE VIEW breaks AS SELECT id, 1 / (900000 - id) AS bad FROM (SELECT generate_series(1, 1000000) AS id) i")
    sql = "SELECT * FROM pg_prod.public.breaks"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        drain(server, sql, "ndjson")
    text = b""
    answer = requests.post(server.url + "/v1/query", data=sql, stream=True, headers={"Content-Type": "application/sql", "Accept": ACCEPT["ndjson"]})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        for chunk in answer.iter_content(1 << 16):
            text = (text + chunk)[-4096:]
    assert json.loads(text.splitlines()[-1])["$error"]["code"] == "source_query_failed"


def test_keep_alive_serves_many_queries_on_one_connection(server):
    session = requests.Session()
    for i in range(50):
        answer = session.post(server.url + "/v1/query", json={"query": f"SELECT {i} AS i"})
        assert answer.json()["rows"] == [[i]]

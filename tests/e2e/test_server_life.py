"""Start, stop, restart: what is registered stays, what runs may finish, nothing new begins."""

import signal
import threading
import time


from conftest import wait_until


def test_a_restart_keeps_connectors_and_tables(start_weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE kept AS SELECT 5 AS id")
    first = start_weir()
    identity = first.register(postgres, database)
    first.post("/v1/connectors/pg_prod/pause?scope=federation")
    first.query("CREATE TABLE t AS SELECT 1 AS i")
    assert first.stop() == 0
    second = start_weir(directory=first.directory)
    assert second.get("/v1/connectors/pg_prod").json()["id"] == identity
    assert second.error("SELECT * FROM pg_prod.public.kept")["code"] == "source_disabled"
    second.post("/v1/connectors/pg_prod/resume?scope=federation")
    assert second.rows("SELECT k.id, t.i FROM pg_prod.public.kept k, t") == [[5, 1]]
    second.stop()


def test_kill_and_start_again(start_weir):
    first = start_weir()
    first.query("CREATE TABLE t AS SELECT 1 AS i")
    first.stop(signal.SIGKILL)
    second = start_weir(directory=first.directory)
    assert second.rows("SELECT * FROM t") == [[1]]
    second.stop()


def test_a_running_query_may_finish_after_sigterm(start_weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE VIEW naps AS SELECT i AS id, pg_sleep(0.05)::text AS nap FROM generate_series(1, 30) i")
    server = start_weir()
    server.register(postgres, database)
    outcome = {}
    reader = threading.Thread(target=lambda: outcome.update(answer=server.try_query("SELECT count(nap) FROM pg_prod.public.naps")))
    reader.start()
    wait_until(lambda: any(q["state"] == "running" for q in server.get("/v1/queries").json()["items"]))
    server.process.send_signal(signal.SIGTERM)
    reader.join()
    assert outcome["answer"].json()["rows"] == [[30]]
    assert server.process.wait(20) == 0


def test_a_query_without_end_is_cancelled_after_the_limit(start_weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE VIEW forever AS SELECT i AS id, pg_sleep(1)::text AS nap FROM generate_series(1, 1000) i")
    server = start_weir(arguments=["--drain-limit-ms", "500"])
    server.register(postgres, database)
    outcome = {}
    reader = threading.Thread(target=lambda: outcome.update(answer=server.try_query("SELECT count(nap) FROM pg_prod.public.forever")))
    reader.start()
    wait_until(lambda: any(q["state"] == "running" for q in server.get("/v1/queries").json()["items"]))
    began = time.monotonic()
    assert server.stop(seconds=20) == 0
    reader.join()
    assert time.monotonic() - began < 10
    assert outcome["answer"].json()["error"]["code"] in ("cancelled", "shutting_down")


def test_metrics_are_prometheus_text(start_weir, postgres, database):
    server = start_weir()
    server.register(postgres, database)
    server.query("SELECT 1")
    text = server.get("/metrics").text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert any(name.startswith("weir_") and name.endswith("_total") for name in names), names
    server.stop()


def test_connector_life(start_weir, postgres, database):
    server = start_weir()
    identity = server.register(postgres, database)
    again = server.post("/v1/connectors", {"name": "pg_prod", "type": "postgres", "mode": "federation",
                                           "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD"}})
    assert again.status_code == 409 and again.json()["error"]["code"] == "already_exists"
    assert server.patch(f"/v1/connectors/{identity}", {"connection": {"pool_size": 3}}).status_code in (200, 204)
    assert server.get(f"/v1/connectors/{identity}/status").json()["federation"]["pool_max"] == 3
    assert server.delete("/v1/connectors/pg_prod").status_code in (200, 204)
    assert server.error("SELECT * FROM pg_prod.public.x")["code"] == "schema_not_found"
    assert server.get("/v1/connectors").json()["items"] == []
    server.stop()


def test_fifty_clients_at_once(start_weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE shared AS SELECT i AS id FROM generate_series(1, 5000) i")
    server = start_weir()
    server.register(postgres, database, pool_size=5)
    failures = []

    def ask(number):
        for _ in range(5):
            answer = server.try_query(f"SELECT count(*) FROM pg_prod.public.shared WHERE id > {number}")
            if answer.status_code != 200 or answer.json()["rows"] != [[5000 - number]]:
                failures.append(answer.text)

    clients = [threading.Thread(target=ask, args=(n,)) for n in range(50)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert failures == []
    server.stop()

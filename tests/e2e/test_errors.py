"""Every error that a user can meet: its code, that it names the thing and says what to do, and that nothing else is harmed."""

import os
import pathlib
import subprocess
import threading
import urllib.parse

import pytest

from conftest import ROOT, WEIR, wait_until
from small_disk import small_disk


@pytest.fixture(scope="module")
def shop(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text)")
        session.execute("INSERT INTO users SELECT i, 'user' || i FROM generate_series(1, 1000) i")
        session.execute("CREATE VIEW slow AS SELECT i AS id, pg_sleep(0.01)::text AS nap FROM (SELECT generate_series(1, 100000) AS i) s")
        session.execute("CREATE TABLE wide AS SELECT i AS id, repeat(md5(i::text), 30) AS payload FROM generate_series(1, 150000) i")
        session.execute("ANALYZE")
    weir.register(postgres, database)
    weir.query("CREATE TABLE local_rows AS SELECT range AS i FROM range(10)")


@pytest.fixture(autouse=True)
def nothing_else_is_harmed(weir, shop):
    """After every error the same server still answers, live and from the lake."""
    yield
    wait_until(lambda: weir.try_query("SELECT count(*) FROM pg_prod.public.users").status_code == 200, what="the source answers again")
    assert weir.rows("SELECT count(*) FROM local_rows") == [[10]]


def refused(answer, code):
    assert answer.status_code >= 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == code, error
    assert error["hint"] and error["request_id"], error
    return error


def unreachable(answer, code):
    """A test of a connection that fails answers why, and that is no failure of the request."""
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["reachable"] is False and report["error"]["code"] == code, report
    assert report["error"]["hint"]
    return report["error"]


def connector(postgres, database, **changes):
    body = {"name": "other", "type": "postgres", "mode": "federation",
            "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD", "connect_timeout_ms": 2000}}
    body["connection"].update(changes)
    return body


def test_unknown_option_offers_the_nearest(weir, postgres, database):
    error = refused(weir.post("/v1/connectors", connector(postgres, database, pool_sise=3)), "unknown_option")
    assert "connection.pool_sise" in error["message"] and "pool_size" in error["message"] + error["hint"]


def test_option_out_of_bounds(weir, postgres, database):
    error = refused(weir.post("/v1/connectors", connector(postgres, database, pool_size=0)), "invalid_option")
    assert "connection.pool_size" in error["message"]


def test_secret_that_does_not_resolve(weir, postgres, database):
    error = refused(weir.post("/v1/connectors", connector(postgres, database, secret_ref="$file:/no/such/file")), "secret_unresolvable")
    assert "/no/such/file" in error["message"]


def test_wrong_password(weir, postgres, database, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("marker-wrong-password\n")
    answer = weir.post("/v1/connectors/test-connection", connector(postgres, database, secret_ref=f"$file:{secret}"))
    error = unreachable(answer, "source_auth_failed")
    assert "weir" in error["message"] and "marker-wrong-password" not in answer.text


def test_unreachable_host(weir, postgres, database):
    error = unreachable(weir.post("/v1/connectors/test-connection", connector(postgres, database, url="postgres://app@localhost:1/app")), "source_unreachable")
    assert "localhost" in error["message"] and "1" in error["message"]


def test_a_dead_source_fails_only_its_own_queries(weir, postgres, database):
    body = {**connector(postgres, database, url="postgres://app@localhost:1/app"), "name": "dead"}
    assert weir.post("/v1/connectors", body).status_code == 201
    error = weir.error("SELECT * FROM dead.public.users")
    assert error["code"] == "source_unreachable" and "dead" in error["message"]
    assert weir.rows("SELECT count(*) FROM information_schema.tables WHERE table_catalog = 'pg_prod' AND table_name = 'users'") == [[1]]
    assert weir.delete("/v1/connectors/dead").status_code in (200, 204)


@pytest.fixture(scope="module")
def plain_postgres(tmp_path_factory):
    """A second server, without TLS."""
    directory = f"/var/tmp/weir-plain-{os.getpid()}"
    script = ROOT / "tests/servers/postgres.sh"
    url = subprocess.run([script, "start", directory, "free", "ssl=off"], check=True, capture_output=True, text=True).stdout.strip()
    yield urllib.parse.urlsplit(url).port, directory
    subprocess.run([script, "remove", directory], check=True)


def test_tls_required_but_not_offered(weir, plain_postgres, tmp_path):
    port, directory = plain_postgres
    secret = tmp_path / "secret"
    secret.write_text(pathlib.Path(directory, "password").read_text())
    body = {"name": "plain", "type": "postgres", "mode": "federation",
            "connection": {"url": f"postgres://weir@localhost:{port}/postgres", "secret_ref": f"$file:{secret}"}}
    error = unreachable(weir.post("/v1/connectors/test-connection", body), "tls_not_offered")
    assert f"localhost:{port}" in error["message"] and "connection.tls" in error["hint"]
    body["connection"]["tls"] = "disabled"
    assert weir.post("/v1/connectors/test-connection", body).json()["tls"] is False


def test_certificate_wrong(weir, postgres, database, tmp_path):
    other = tmp_path / "other.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=other",
                    "-keyout", tmp_path / "other.key", "-out", other], check=True, capture_output=True)
    error = unreachable(weir.post("/v1/connectors/test-connection", connector(postgres, database, tls="verify-full", tls_root_cert=str(other))), "tls_certificate_invalid")
    assert f"localhost:{postgres.parts.port}" in error["message"] and "tls_root_cert" in error["hint"]
    right = postgres.directory / "tls/ca.crt"
    assert weir.post("/v1/connectors/test-connection", connector(postgres, database, tls="verify-full", tls_root_cert=str(right))).json()["tls"] is True


def test_certificate_for_another_host(weir, postgres, database):
    url = postgres.database_url(database, password=False, host="127.0.0.1")
    changes = dict(url=url, tls="verify-full", tls_root_cert=str(postgres.directory / "tls/ca.crt"))
    error = unreachable(weir.post("/v1/connectors/test-connection", connector(postgres, database, **changes)), "tls_certificate_invalid")
    assert f"127.0.0.1:{postgres.parts.port}" in error["message"] and "host" in error["hint"]


@pytest.mark.parametrize("table, nearest", [("pg_prod.public.usres", "users"), ("local_row", "local_rows")])
def test_unknown_table_offers_the_nearest(weir, table, nearest):
    error = refused(weir.try_query(f"SELECT * FROM {table}"), "table_not_found")
    assert table.split(".")[-1] in error["message"] and nearest in error["message"] + error["hint"]


def test_unknown_column_offers_the_nearest(weir):
    error = refused(weir.try_query("SELECT emial FROM pg_prod.public.users"), "column_not_found")
    assert "emial" in error["message"] and "email" in error["message"] + error["hint"]


def test_unknown_connector_offers_the_nearest(weir):
    error = refused(weir.try_query("SELECT * FROM pg_prd.public.users"), "schema_not_found")
    assert "pg_prd" in error["message"] and error["hint"] == "did you mean 'pg_prod'?"
    # Where nothing is near, nothing is promised.
    error = refused(weir.try_query("SELECT * FROM elsewhere.public.users"), "schema_not_found")
    assert "elsewhere" in error["message"] and "offers" not in error["hint"] and "/v1/catalog/schema" in error["hint"]


@pytest.mark.parametrize("sql, code", [("SELECT zzzzzz FROM pg_prod.public.users", "column_not_found"), ("SELECT * FROM zzzzzz", "table_not_found")])
def test_no_hint_promises_a_name_that_is_not_offered(weir, sql, code):
    assert "offers" not in refused(weir.try_query(sql), code)["hint"]


def test_syntax_error_has_its_position(weir):
    error = refused(weir.try_query("SELECT 1\nFROM WHERE x"), "syntax_error")
    assert "line 2" in error["message"].lower()


def test_row_limit(weir):
    error = refused(weir.try_query("SELECT * FROM pg_prod.public.users", max_rows=10), "row_limit_exceeded")
    assert "10" in error["message"]
    partial = weir.query("SELECT * FROM pg_prod.public.users", max_rows=10, partial=True)
    assert partial["row_count"] == 10 and partial["partial"] is True


def test_time_limit(weir):
    refused(weir.try_query("SELECT count(*) FROM pg_prod.public.slow", timeout_ms=300), "timeout")


def test_a_value_without_a_place_names_the_option(weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE odd (n numeric); INSERT INTO odd VALUES ('NaN')")
    error = refused(weir.try_query("SELECT * FROM pg_prod.public.odd"), "value_out_of_range")
    assert "numeric_mode" in error["message"] + error["hint"] and "odd" in error["message"]


def test_table_changed_on_the_source(weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE fleeting AS SELECT 1 AS id")
        assert weir.rows("SELECT * FROM pg_prod.public.fleeting") == [[1]]
        session.execute("DROP TABLE fleeting")
        error = refused(weir.try_query("SELECT * FROM pg_prod.public.fleeting"), "schema_drift")
        assert "fleeting" in error["message"]
        assert weir.error("SELECT * FROM pg_prod.public.fleeting")["code"] == "table_not_found"  # the cached schema is gone


def test_table_dropped_in_mid_scan(weir, postgres, database):
    """The scan holds a lock, so DROP waits until the answer is whole; the next query fails by name."""
    sql = "SELECT count(*), max(nap) FROM pg_prod.public.doomed_slowly"
    with postgres.connect(database) as session, postgres.connect(database) as other:
        session.execute("CREATE TABLE doomed AS SELECT i AS id FROM generate_series(1, 400) i")
        session.execute("CREATE VIEW doomed_slowly AS SELECT id, pg_sleep(0.01)::text AS nap FROM doomed")
        outcome = {}
        reader = threading.Thread(target=lambda: outcome.update(answer=weir.try_query(sql)))
        reader.start()
        running = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND datname = current_database() AND query LIKE"
        wait_until(lambda: session.execute(f"SELECT count(*) {running} '%doomed_slowly%'").fetchone()[0], what="the scan runs")
        dropper = threading.Thread(target=lambda: other.execute("DROP TABLE doomed CASCADE"))
        dropper.start()
        wait_until(lambda: session.execute(f"SELECT count(*) {running} 'DROP%' AND wait_event_type = 'Lock'").fetchone()[0], what="DROP waits for the scan")
        reader.join()
        dropper.join()
    assert outcome["answer"].status_code == 200, outcome["answer"].text
    assert outcome["answer"].json()["rows"][0][0] == 400
    error = refused(weir.try_query(sql), "schema_drift")
    assert "doomed_slowly" in error["message"]
    assert weir.error(sql)["code"] == "table_not_found"  # the cached schema is gone


def test_source_session_killed_in_mid_scan(weir, postgres, database):
    outcome = {}
    reader = threading.Thread(target=lambda: outcome.update(answer=weir.try_query("SELECT count(*), max(nap) FROM pg_prod.public.slow")))
    reader.start()
    with postgres.connect(database) as session:
        killed = wait_until(lambda: session.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%slow%' AND datname = current_database()").fetchone()[0])
    reader.join()
    assert killed
    error = refused(outcome["answer"], "source_connection_lost")
    assert "pg_prod" in error["message"] and "again" in error["hint"]


def test_source_restarted_in_mid_scan(weir, postgres, database):
    outcome = {}
    reader = threading.Thread(target=lambda: outcome.update(answer=weir.try_query("SELECT count(*), max(nap) FROM pg_prod.public.slow")))
    reader.start()
    with postgres.connect(database) as session:
        wait_until(lambda: session.execute("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%slow%'").fetchone()[0])
    subprocess.run([ROOT / "tests/servers/postgres.sh", "restart", postgres.directory], check=True)
    reader.join()
    error = refused(outcome["answer"], "source_connection_lost")
    assert "pg_prod" in error["message"] and "again" in error["hint"]


def test_cancelled_on_the_server(weir, postgres, database):
    outcome = {}
    reader = threading.Thread(target=lambda: outcome.update(answer=weir.try_query("SELECT count(*), max(nap) FROM pg_prod.public.slow")))
    reader.start()
    running = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%slow%' AND datname = current_database()"
    with postgres.connect(database) as session:
        wait_until(lambda: session.execute(running).fetchone()[0])
        [query] = [q for q in weir.get("/v1/queries").json()["items"] if q["state"] == "running" and "slow" in q["text"]]
        assert weir.delete(f"/v1/queries/{query['id']}").status_code in (200, 202, 204)
        reader.join()
        refused(outcome["answer"], "cancelled")
        wait_until(lambda: session.execute(running).fetchone()[0] == 0, seconds=5, what="the server stopped working")


def test_the_one_error_that_needs_a_restart_is_documented():
    """A defect of the SQL engine cannot be brought about from outside: src/engine/database_test.cc and src/server/api_test.cc do it."""
    assert "`engine_stopped` | 503 |" in (ROOT / "docs/errors.md").read_text()
    assert "engine_stopped" in (ROOT / "docs/rest-api.md").read_text()


def test_unknown_query(weir):
    refused(weir.delete("/v1/queries/00000000-0000-0000-0000-000000000000"), "query_not_found")


def test_unknown_connector(weir):
    error = refused(weir.get("/v1/connectors/nobody/status"), "connector_not_found")
    assert "nobody" in error["message"]


def test_unknown_route(weir):
    refused(weir.get("/v1/nothing"), "route_not_found")


def test_data_directory_locked(weir):
    done = subprocess.run([WEIR, "sql", "--data-dir", weir.directory / "data", "SELECT 1"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "data_dir_locked" in done.stderr and weir.url in done.stderr


def test_data_directory_of_a_newer_version(tmp_path):
    data = tmp_path / "data"
    assert subprocess.run([WEIR, "sql", "--data-dir", data, "SELECT 1"], capture_output=True).returncode == 0
    (data / "version").write_text("999\n")
    done = subprocess.run([WEIR, "sql", "--data-dir", data, "SELECT 1"], capture_output=True, text=True)
    assert done.returncode == 1 and "data_dir_version" in done.stderr and "999" in done.stderr


def test_disk_full_changes_nothing(start_weir, tmp_path):
    with small_disk(tmp_path / "disk", 24) as disk:
        server = start_weir(directory=disk.place, command=disk.command)
        server.query("CREATE TABLE kept AS SELECT range AS i FROM range(1000)")
        error = refused(server.try_query("CREATE TABLE big AS SELECT uuid()::text || uuid()::text AS noise FROM range(2000000)"), "disk_full")
        assert str(disk.place) in error["message"] + error["hint"]
        assert server.rows("SELECT count(*), sum(i) FROM kept") == [[1000, "499500"]] or server.rows("SELECT count(*) FROM kept") == [[1000]]
        assert server.error("SELECT * FROM big")["code"] == "table_not_found"
        server.stop()
        again = start_weir(directory=disk.place, command=disk.command)
        assert again.rows("SELECT count(*) FROM kept") == [[1000]]
        again.stop()


def test_body_too_large(start_weir):
    server = start_weir(arguments=["--max-body-bytes", "10000"])
    refused(server.post("/v1/query", {"query": "SELECT '" + "x" * 20000 + "'"}), "body_too_large")
    server.stop()


def test_the_table_of_codes_is_documented():
    documented = (ROOT / "docs/errors.md").read_text()
    source = (ROOT / "src/base/error.cc").read_text()
    codes = [line.split('"')[1] for line in source.splitlines() if line.strip().startswith("ErrorInfo{")]
    assert len(codes) > 30
    assert [code for code in codes if f"`{code}`" not in documented] == []

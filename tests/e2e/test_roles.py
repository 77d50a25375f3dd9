"""Tokens and roles: what a role may run is an allow-list over the bound plan. Each denied statement is an attempt to get past it."""

import os
import stat

import requests
import pytest

READ, WRITE, ADMIN, CONFINED, SHOP = "token-read-marker", "token-write-marker", "token-admin-marker", "token-confined-marker", "token-shop-marker"


@pytest.fixture(scope="module")
def server(start_weir, postgres, database, tmp_path_factory):
    home = tmp_path_factory.mktemp("tokens")
    tokens = home / "tokens"
    tokens.write_text(f"# comment\n{READ} read\n{WRITE} write\n{ADMIN} admin\n{CONFINED} read main\n{SHOP} read pg_shop\n")
    tokens.chmod(0o600)
    (home / "open").mkdir()
    (home / "open" / "rows.csv").write_text("a,b\n1,2\n")
    (home / "closed.csv").write_text("secret\n1\n")
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE users AS SELECT 1 AS id")
    server = start_weir(arguments=["--token-file", str(tokens), "--allow-dir", str(home / "open")])
    server.home = home
    server.token = ADMIN
    server.register(postgres, database)
    server.register(postgres, database, name="pg_shop")
    server.query("CREATE TABLE t AS SELECT 1 AS i")
    server.query("CREATE SCHEMA private")
    server.query("CREATE TABLE private.t AS SELECT 2 AS i")
    return server


def as_role(server, token, sql):
    server.token = token
    try:
        return server.try_query(sql)
    finally:
        server.token = ADMIN


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic abc", "Bearer " + READ[:-1], "Bearer " + READ + "x"])
def test_without_a_valid_token_nothing_is_answered(server, header):
    answer = requests.post(server.url + "/v1/query", data="SELECT 1", headers={"Content-Type": "application/sql", **({"Authorization": header} if header else {})})
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "unauthenticated"


READS = ["SELECT * FROM t", "SELECT * FROM pg_prod.public.users", "SELECT * FROM live(pg_prod.public.users)", "EXPLAIN SELECT * FROM t", "DESCRIBE t",
         "SHOW TABLES", "SUMMARIZE t", "WITH c AS (SELECT 1 AS x) SELECT * FROM c", "SELECT * FROM range(3)", "SELECT unnest([1, 2])",
         "SELECT * FROM kyma_connector_health", "SELECT count(*) FROM weir_snapshots", "SET weir_pushdown = false; SELECT * FROM t",
         "SELECT * FROM t AT (VERSION => 1)", "SELECT count(*) FROM information_schema.tables", "SELECT now(), lower('A'), sum(i) FROM t", "VALUES (1)", "FROM t"]
WRITES = ["INSERT INTO t VALUES (2)", "UPDATE t SET i = 3 WHERE i = 2", "DELETE FROM t WHERE i = 3", "CREATE TABLE w AS SELECT 1 AS x",
          "ALTER TABLE w ADD COLUMN y INTEGER", "DROP TABLE w", "CREATE VIEW v AS SELECT * FROM t", "DROP VIEW v"]
FILES = ["SELECT * FROM read_csv('{home}/open/rows.csv')", "SELECT * FROM '{home}/open/rows.csv'", "COPY (SELECT 1) TO '{home}/open/out.csv'"]
NEVER_BELOW_ADMIN = FILES + [
    "SELECT * FROM read_csv('{home}/closed.csv')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/etc/*')", "SELECT content FROM read_blob('/etc/passwd')",
    "SELECT getenv('PG_PROD_PASSWORD')", "SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_logs",
    "SELECT * FROM __ducklake_metadata_weir.ducklake_table", "ATTACH '/tmp/x.db' AS x", "INSTALL httpfs", "LOAD '/tmp/x'", "COPY t TO '/tmp/t.csv'",
    "COPY t FROM '/etc/passwd'", "SET threads = 1", "SET GLOBAL weir_pushdown = false", "PRAGMA enable_profiling", "SELECT * FROM query('SELECT getenv(''HOME'')')",
    "SELECT (SELECT getenv('HOME'))", "SELECT * FROM t WHERE i IN (SELECT length(getenv('HOME')))", "EXPLAIN ANALYZE SELECT getenv('HOME')",
    "PREPARE p AS SELECT getenv('HOME')", "SELECT * FROM query_table(['duckdb_settings'])", "CALL duckdb_settings()", "FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')", "WITH x AS (SELECT getenv('HOME') AS h) SELECT h FROM x", "EXPORT DATABASE '/tmp/weir-export'", "CHECKPOINT",
    "SELECT current_setting('temp_directory')", "CREATE TABLE memory.main.escape AS SELECT 1",
    "SELECT * FROM weir.snapshots(); ATTACH ':memory:' AS y", "CALL weir.set_option('parquet_compression', 'none')", "SELECT * FROM ducklake_cleanup_old_files('weir')",
    "CREATE MACRO f() AS getenv('HOME')", "CREATE SECRET s (TYPE s3)", "DETACH weir", "SELECT * FROM sqlite_scan('/etc/passwd', 'x')"]


@pytest.mark.parametrize("sql", READS)
@pytest.mark.parametrize("token", [READ, WRITE, ADMIN])
def test_every_role_reads(server, token, sql):
    answer = as_role(server, token, sql)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("sql", WRITES)
def test_a_read_token_changes_nothing(server, sql):
    answer = as_role(server, READ, sql)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "statement_not_allowed", answer.text


def test_a_write_token_writes_the_lake(server):
    for sql in WRITES:
        answer = as_role(server, WRITE, sql)
        assert answer.status_code == 200, f"{sql}: {answer.text}"


@pytest.mark.parametrize("sql", NEVER_BELOW_ADMIN)
@pytest.mark.parametrize("token", [READ, WRITE])
def test_no_way_around_the_allow_list(server, token, sql):
    answer = as_role(server, token, sql.format(home=server.home))
    assert answer.status_code >= 400, f"{sql} answered {answer.text[:300]}"
    assert answer.json()["error"]["code"] in ("statement_not_allowed", "not_available_yet", "table_not_found", "schema_not_found", "invalid_query"), answer.text


@pytest.mark.parametrize("sql", FILES)
def test_an_admin_reads_and_writes_files_in_the_allowed_directory(server, sql):
    answer = as_role(server, ADMIN, sql.format(home=server.home))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("sql", ["SELECT * FROM read_csv('{home}/closed.csv')", "SELECT * FROM read_text('/etc/passwd')", "COPY t TO '/tmp/weir-escape.csv'",
                                 "SELECT * FROM read_csv('{home}/open/../closed.csv')"])
def test_an_admin_stays_in_the_allowed_directory(server, sql):
    answer = as_role(server, ADMIN, sql.format(home=server.home))
    assert answer.status_code >= 400, answer.text


def test_a_confined_token_sees_its_schema_only(server):
    assert as_role(server, CONFINED, "SELECT * FROM t").status_code == 200
    assert as_role(server, CONFINED, "SELECT * FROM private.t").json()["error"]["code"] == "statement_not_allowed"
    assert as_role(server, CONFINED, "SELECT * FROM pg_prod.public.users").json()["error"]["code"] == "statement_not_allowed"
    assert as_role(server, CONFINED, "SELECT * FROM live(pg_prod.public.users)").json()["error"]["code"] == "statement_not_allowed"


def test_a_confined_token_is_offered_no_name_that_it_may_not_see(server):
    def error(token, name, path):
        server.token = token
        answer = server.get(f"/v1/connectors/{name}{path}")
        server.token = ADMIN
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "connector_not_found", answer.text
        return answer.json()["error"]

    for path in ("", "/status", "/events"):
        assert error(READ, "pg_prodd", path)["hint"] == "did you mean 'pg_prod'?"
        assert error(SHOP, "pg_shopp", path)["hint"] == "did you mean 'pg_shop'?"
        for token in (SHOP, CONFINED):
            assert "pg_prod'" not in str(error(token, "pg_prodd", path))
        # A hidden connector and one that does not exist are told apart by nothing but the name that was asked for.
        hidden, absent = error(CONFINED, "pg_prod", path), error(CONFINED, "pg_nope", path)
        assert hidden["message"].replace("pg_prod", "pg_nope") == absent["message"] and hidden["hint"] == absent["hint"]


def test_connectors_are_changed_by_admins_only(server, postgres, database):
    for token in (READ, WRITE):
        server.token = token
        answer = server.delete("/v1/connectors/pg_prod")
        server.token = ADMIN
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "statement_not_allowed"
    assert server.get("/v1/connectors/pg_prod").status_code == 200


LISTS = ["SELECT * FROM duckdb_columns()", "SELECT * FROM information_schema.columns", "SHOW ALL TABLES"]
OF_ONE_VIEW = ["SELECT * FROM pragma_table_info('{view}')", "SELECT * FROM pragma_show('{view}')", "PRAGMA table_info('{view}')"]


@pytest.fixture(scope="module")
def views_over_files(server):
    """Views that an admin made over files; what stands in each place now: a file, a pipe that nobody writes to, nothing."""
    places = {}
    for kind in ("file", "pipe", "nothing"):
        place = places[kind] = server.home / "open" / f"{kind}.csv"
        place.write_text("hidden_column\n1\n")
        server.query(f"CREATE VIEW by_call_{kind} AS SELECT * FROM read_csv('{place}')")
        server.query(f"CREATE VIEW by_name_{kind} AS SELECT * FROM '{place}'")
        server.query(f"CREATE VIEW over_view_{kind} AS SELECT * FROM by_call_{kind}")
    places["pipe"].unlink()
    os.mkfifo(places["pipe"])
    places["nothing"].unlink()
    # After a restart DuckDB has no view's columns in memory.
    server.stop()
    server.start()
    yield [f"{form}_{kind}" for kind in places for form in ("by_call", "by_name", "over_view")]
    places["pipe"].unlink()
    server.token = ADMIN
    for kind in places:
        for form in ("over_view", "by_name", "by_call"):
            server.query(f"DROP VIEW {form}_{kind}")


def test_a_file_behind_a_view_is_not_opened_for_who_may_not_read_it(server, views_over_files):
    """Whoever opened the pipe would hang; whoever looked for the file would answer otherwise where there is none."""
    for token in (READ, WRITE):
        errors = set()
        for view in views_over_files:
            for sql in [f"SELECT * FROM {view}", f"DESCRIBE {view}", f"SUMMARIZE {view}", f"EXPLAIN SELECT * FROM {view}",
                        f"SELECT i, (SELECT count(*) FROM {view}) FROM t"]:
                answer = as_role(server, token, sql)
                assert answer.status_code == 403, f"{sql}: {answer.text}"
                error = answer.json()["error"]
                assert error["code"] == "statement_not_allowed", error
                errors.add(error["message"])
            for sql in OF_ONE_VIEW:
                answer = as_role(server, token, sql.format(view=view))
                assert answer.status_code == 403 or answer.json()["rows"] == [], f"{sql}: {answer.text}"
        # The same words whatever stands there.
        role = "read" if token == READ else "write"
        assert errors == {f"reading files is not allowed for role '{role}': {function}" for function in ("read_csv", "read_csv_auto")}
        for sql in LISTS:
            answer = as_role(server, token, sql)
            assert answer.status_code == 200 and "hidden_column" not in answer.text, sql
        server.token = token
        catalog = server.get("/v1/catalog/schema")
        server.token = ADMIN
        assert catalog.status_code == 200 and "hidden_column" not in catalog.text


def test_a_file_named_as_a_table_is_refused_whether_it_is_there_or_not(server):
    answers = [as_role(server, READ, f"SELECT * FROM '{server.home}/open/{name}'") for name in ("rows.csv", "nothing-here.csv")]
    assert [a.json()["error"]["code"] for a in answers] == ["statement_not_allowed"] * 2
    assert answers[0].json()["error"]["message"] == answers[1].json()["error"]["message"]


def test_an_admin_reads_views_over_files(server, views_over_files):
    for form in ("by_call", "by_name", "over_view"):
        assert as_role(server, ADMIN, f"SELECT * FROM {form}_file").json()["rows"] == [[1]]


def test_the_data_directory_is_for_its_owner_only(server):
    """state.db holds what was registered, plain secrets too; the catalog holds smallest and largest values."""
    data = server.directory / "data"
    server.get("/v1/connectors/pg_prod/status")  # an event is written, so the log of state.db is there
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    control = sorted(data.glob("state.db*"))
    assert data / "state.db" in control and data / "state.db-wal" in control
    assert {stat.S_IMODE(file.stat().st_mode) for file in control} == {0o600}


def test_a_token_file_that_others_can_read_is_refused(tmp_path):
    import subprocess
    from conftest import WEIR
    tokens = tmp_path / "tokens"
    tokens.write_text("x admin\n")
    tokens.chmod(0o644)
    done = subprocess.run([WEIR, "serve", "--data-dir", tmp_path / "d", "--listen", "127.0.0.1:0", "--token-file", tokens], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "0600" in done.stderr


def test_a_public_address_needs_tokens(tmp_path):
    import subprocess
    from conftest import WEIR
    done = subprocess.run([WEIR, "serve", "--data-dir", tmp_path / "d", "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "token" in done.stderr

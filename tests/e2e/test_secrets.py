"""A secret appears in no output: everything runs with marker secrets, then every place that a person can see is searched."""

import pathlib
import subprocess

from conftest import WEIR, wait_until

MARKER = "markersecret7f3a"


def test_no_secret_anywhere(start_weir, postgres, database, tmp_path):
    with postgres.connect() as session:
        session.execute(f"DROP ROLE IF EXISTS marked; CREATE ROLE marked LOGIN PASSWORD '{MARKER}'")
        session.execute(f"GRANT CONNECT ON DATABASE {database} TO marked")
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE seen AS SELECT 1 AS id; GRANT SELECT ON seen TO marked; CREATE TABLE unseen AS SELECT 1 AS id")
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{MARKER}-token admin\n")
    tokens.chmod(0o600)
    wrong = tmp_path / "wrong"
    wrong.write_text(f"{MARKER}-wrong\n")
    server = start_weir(arguments=["--token-file", str(tokens)], environment={"MARKED": MARKER})
    server.token = f"{MARKER}-token"
    answers = []

    def keep(answer):
        answers.append(answer.text + str(answer.headers))
        return answer

    def body(name, url, **changes):
        return {"name": name, "type": "postgres", "mode": "federation", "connection": {"url": url, "tls": "required", **changes}}

    url = postgres.database_url(database, user="marked", password=False)
    with_password = url.replace("marked@", f"marked:{MARKER}@")
    keep(server.post("/v1/connectors", body("good", url, secret_ref="$env:MARKED")))
    plain = [keep(server.post("/v1/connectors", body("inline", with_password))), keep(server.post("/v1/connectors", body("plain", url, secret_ref=MARKER)))]
    assert keep(server.patch("/v1/connectors/good", {"connection": {"secret_ref": MARKER}})).json()["warnings"]
    keep(server.post("/v1/connectors", body("inline", with_password, pool_sise=1)))
    keep(server.post("/v1/connectors", body("wrong", url, secret_ref=f"$file:{wrong}")))
    keep(server.post("/v1/connectors", body("interpolated", url.replace("marked@", "marked:${MARKED}@"))))
    keep(server.post("/v1/connectors/test-connection", body("wrong", url, secret_ref=f"$file:{wrong}")))
    keep(server.post("/v1/connectors/test-connection", body("nowhere", f"postgres://marked:{MARKER}@localhost:1/x")))
    keep(server.patch("/v1/connectors/good", {"connection": {"secret_ref": MARKER + "x"}}))
    keep(server.patch("/v1/connectors/good", {"connection": {"secret_ref": "$env:MARKED"}}))
    for name in ("good", "inline", "wrong", "plain", "interpolated"):
        for path in ("", "/status", "/events"):
            keep(server.get(f"/v1/connectors/{name}{path}"))
        keep(server.try_query(f"SELECT * FROM {name}.public.seen"))
        keep(server.try_query(f"SELECT * FROM {name}.public.unseen"))
        keep(server.try_query(f"EXPLAIN SELECT * FROM {name}.public.seen WHERE id = 1"))
    for sql in ("SELECT * FROM kyma_connector_health", "SELECT * FROM weir_connectors", "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_secrets()",
                "SELECT getenv('MARKED')", "SELECT current_setting('secret_directory')", "SELECT * FROM duckdb_settings()", f"ATTACH 'postgres://u:{MARKER}@h/d' AS z"):
        keep(server.try_query(sql))
    for path in ("/v1/connectors", "/v1/connectors/catalog", "/v1/queries", "/v1/catalog/schema", "/metrics", "/health", "/ready"):
        keep(server.get(path))
    environment = {**server.environment, "WEIR_TOKEN": server.token, "WEIR_URL": server.url}
    for arguments in (["connector", "list"], ["connector", "get", "good"], ["sql", "SELECT * FROM good.public.seen"], ["sql", "--format", "json", "SELECT * FROM wrong.public.seen"]):
        done = subprocess.run([WEIR, *arguments], capture_output=True, text=True, env=environment, timeout=60)
        answers.append(done.stdout + done.stderr)

    assert any('"reachable"' in answer for answer in answers) and any("source_auth_failed" in answer for answer in answers)
    for answer in answers:
        assert MARKER not in answer, answer
    assert MARKER not in server.log()
    # Command lines of every process, ours and the server's children.
    for command in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert MARKER.encode() not in command.read_bytes(), command
        except (FileNotFoundError, ProcessLookupError):
            pass
    # What was typed in plain text is kept, and whoever registered it was told so.
    for answer in plain:
        assert answer.status_code == 201 and "in plain text" in answer.json()["warnings"][0], answer.text
    assert server.get("/v1/connectors/good").json()["warnings"] == []
    server.stop()
    # The lake and the control state hold references, never values; an inline password is the one thing a user put there.
    server_files = [p for p in (server.directory / "data").rglob("*") if p.is_file() and p.name != "state.db" and not p.name.startswith("state.db-")]
    assert server_files
    for file in server_files:
        assert MARKER.encode() not in file.read_bytes(), file
    assert MARKER.encode() not in (server.directory / "serve.log").read_bytes()
    with postgres.connect(database) as session:
        session.execute("DROP OWNED BY marked; DROP ROLE marked")

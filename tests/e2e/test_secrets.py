"""A secret appears in no output: everything runs with marker secrets, then every place that a person can see is searched."""

import pathlib
import subprocess

import pytest

from conftest import WEIR, wait_until

MARKER = "markersecret7f3a"  # what references lead to
TYPED = "typedsecret91c2"    # what somebody typed in plain text into a body


@pytest.fixture
def roles(postgres, database):
    with postgres.connect() as session:
        for role, password in (("marked", MARKER), ("typed", TYPED)):
            session.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN REPLICATION PASSWORD '{password}'")
            session.execute(f"GRANT CONNECT, CREATE ON DATABASE {database} TO {role}")
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE seen AS SELECT 1 AS id; GRANT SELECT ON seen TO marked, typed; CREATE TABLE unseen AS SELECT 1 AS id")
        session.execute("CREATE TABLE copied (id int PRIMARY KEY); INSERT INTO copied VALUES (1); ALTER TABLE copied OWNER TO marked")
    yield
    with postgres.connect(database) as session:
        session.execute("DROP OWNED BY marked, typed; DROP ROLE marked; DROP ROLE typed")


def live_copy(server, body, wrong, keep):
    """A live copy through its life: it streams, loses its right password, and goes."""
    keep(server.post("/v1/connectors", body))

    def sync():
        return keep(server.get("/v1/connectors/kept/status")).json()["sync"]

    wait_until(lambda: sync()["status"] == "streaming" and [t["phase"] for t in sync()["tables"]] == ["streaming"], 30, "the copy streams")
    keep(server.try_query("SELECT * FROM kept.public.copied"))
    keep(server.post("/v1/connectors/kept/verify?table=public.copied"))
    keep(server.patch("/v1/connectors/kept", {"connection": {"secret_ref": f"$file:{wrong}"}}))
    wait_until(lambda: "source_auth_failed" in keep(server.get("/v1/connectors/kept/status")).text + keep(server.get("/v1/connectors/kept/events")).text, 30, "the wrong password is told")
    keep(server.post("/v1/connectors/kept/resync?table=public.copied"))
    keep(server.try_query("SELECT * FROM kyma_connector_health"))
    keep(server.get("/ready"))
    keep(server.patch("/v1/connectors/kept", {"connection": {"secret_ref": "$env:MARKED"}}))
    wait_until(lambda: sync()["status"] == "streaming", 30, "the copy streams again")


def test_no_secret_anywhere(start_weir, postgres, database, roles, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{MARKER}-token admin\n")
    tokens.chmod(0o600)
    wrong = tmp_path / "wrong"
    wrong.write_text(f"{MARKER}-wrong\n")
    server = start_weir(arguments=["--token-file", str(tokens), "--log-level", "debug"], environment={"MARKED": MARKER})
    server.token = f"{MARKER}-token"
    answers = []

    def keep(answer):
        answers.append(answer.text + str(answer.headers))
        return answer

    def body(name, url, **changes):
        return {"name": name, "type": "postgres", "mode": "federation", "connection": {"url": url, "tls": "required", **changes}}

    url = postgres.database_url(database, user="marked", password=False)
    with_password = url.replace("marked@", f"typed:{TYPED}@")
    keep(server.post("/v1/connectors", body("good", url, secret_ref="$env:MARKED")))
    plain = [keep(server.post("/v1/connectors", body("inline", with_password))), keep(server.post("/v1/connectors", body("plain", url, secret_ref=TYPED)))]
    assert keep(server.patch("/v1/connectors/good", {"connection": {"secret_ref": TYPED}})).json()["warnings"]
    keep(server.post("/v1/connectors", body("inline", with_password, pool_sise=1)))
    keep(server.post("/v1/connectors", body("wrong", url, secret_ref=f"$file:{wrong}")))
    keep(server.post("/v1/connectors", body("interpolated", url.replace("marked@", "marked:${MARKED}@"))))
    keep(server.post("/v1/connectors/test-connection", body("wrong", url, secret_ref=f"$file:{wrong}")))
    keep(server.post("/v1/connectors/test-connection", body("nowhere", f"postgres://marked:{MARKER}@localhost:1/x")))
    keep(server.patch("/v1/connectors/good", {"connection": {"secret_ref": TYPED + "x"}}))
    keep(server.patch("/v1/connectors/good", {"connection": {"secret_ref": "$env:MARKED"}}))
    live_copy(server, {**body("kept", url, secret_ref="$env:MARKED"), "mode": "both", "sync": {"tables": ["public.copied"]}}, wrong, keep)
    for name in ("good", "inline", "wrong", "plain", "interpolated", "kept"):
        for path in ("", "/status", "/events"):
            keep(server.get(f"/v1/connectors/{name}{path}"))
        keep(server.try_query(f"SELECT * FROM {name}.public.seen"))
        keep(server.try_query(f"SELECT * FROM {name}.public.unseen"))
        keep(server.try_query(f"EXPLAIN SELECT * FROM {name}.public.seen WHERE id = 1"))
    for sql in ("SELECT * FROM kyma_connector_health", "SELECT * FROM weir_connectors", "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_secrets()",
                "SELECT getenv('MARKED')", "SELECT current_setting('secret_directory')", "SELECT * FROM duckdb_settings()", f"ATTACH 'postgres://u:{MARKER}@h/d' AS z",
                f"CREATE SECRET s (TYPE s3, KEY_ID 'A', SECRET '{MARKER}')", f"/* mine */ create or replace\nsecret s (TYPE s3, SECRET '{MARKER}'",
                f"SELECT 1; ATTACH 'host=h key={MARKER}' AS z (TYPE postgres)", f"CREATE SECRET s (TYPE s3 '{MARKER}')"):
        keep(server.try_query(sql))
    for path in ("/v1/connectors", "/v1/connectors/catalog", "/v1/queries", "/v1/catalog/schema", "/metrics", "/health", "/ready"):
        keep(server.get(path))
    environment = {**server.environment, "WEIR_TOKEN": server.token, "WEIR_URL": server.url}
    for arguments in (["connector", "list"], ["connector", "get", "good"], ["sql", "SELECT * FROM good.public.seen"], ["sql", "--format", "json", "SELECT * FROM wrong.public.seen"]):
        done = subprocess.run([WEIR, *arguments], capture_output=True, text=True, env=environment, timeout=60)
        answers.append(done.stdout + done.stderr)

    assert any('"reachable"' in answer for answer in answers) and any("source_auth_failed" in answer for answer in answers)
    for answer in answers:
        assert MARKER not in answer and TYPED not in answer, answer
    assert MARKER not in server.log() and TYPED not in server.log()
    # Command lines of every process, ours and the server's children.
    for command in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = command.read_bytes()
            assert MARKER.encode() not in text and TYPED.encode() not in text, command
        except (FileNotFoundError, ProcessLookupError):
            pass
    # What was typed in plain text is kept, and whoever registered it was told so.
    for answer in plain:
        assert answer.status_code == 201 and "in plain text" in answer.json()["warnings"][0], answer.text
    assert server.get("/v1/connectors/good").json()["warnings"] == []
    # The lake and the control state hold references, never values; what was typed in plain text is the one thing a user put there.
    files = [p for p in (server.directory / "data").rglob("*") if p.is_file()]
    assert any(p.name == "state.db" for p in files)
    for file in files:
        text = file.read_bytes()
        assert MARKER.encode() not in text, file
        assert TYPED.encode() not in text or file.name.startswith("state.db"), file
    assert server.delete("/v1/connectors/kept").status_code == 204
    server.stop()
    log = (server.directory / "serve.log").read_bytes()
    assert MARKER.encode() not in log and TYPED.encode() not in log

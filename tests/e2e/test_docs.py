"""The examples of the documentation run as they stand: fenced ```sh blocks of a page, in order, against the demo's server.

A line that begins with `# expect: ` holds text that the output of the block must contain."""

import os
import re
import socket
import subprocess

import pytest

from conftest import ROOT, SANITIZED

PAGES = ["docs/rest-api.md", "docs/cli.md", "docs/connectors/README.md", "docs/connectors/postgres.md", "docs/lake.md", "docs/security.md"]
BLOCK = re.compile(r"```sh\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def examples(postgres, start_weir, tmp_path_factory):
    """A server as the pages take it: the demo's shop as database `shop`, `otel_logs` in the lake, `weir` in the path."""
    database = postgres.create_database()
    subprocess.run(["psql", "-qX", postgres.database_url(database), "-f", ROOT / "demo/shop.sql"], check=True)
    work = tmp_path_factory.mktemp("docs")
    server = start_weir(environment={"PG_SHOP_PASSWORD": postgres.password}, arguments=["--allow-dir", str(work)])
    logs = work / "otel_logs.jsonl"
    subprocess.run(["python3", ROOT / "demo/logs.py", "2000", logs], check=True)
    server.query(f"CREATE TABLE otel_logs AS SELECT * FROM read_json('{logs}', columns = {{_timestamp: 'TIMESTAMPTZ', severity_text: 'VARCHAR', user_id: 'BIGINT', body: 'VARCHAR', duration_ms: 'DOUBLE'}})")
    binary = os.environ.get("WEIR_BIN", str(ROOT / "build/bin/weir"))
    environment = {**os.environ, "WEIR_URL": server.url, "PATH": os.path.dirname(binary) + ":" + os.environ["PATH"], "PG_SHOP_PASSWORD": postgres.password}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        second = free.getsockname()[1]  # for the page that starts a server of its own
    replace = {"127.0.0.1:8081": f"127.0.0.1:{second}", "http://localhost:8080": server.url, "http://127.0.0.1:8080": server.url, "localhost:25433/shop": f"localhost:{postgres.parts.port}/{database}"}
    yield server, work, environment, replace
    postgres.drop_database(database)


@pytest.mark.parametrize("page", PAGES)
def test_page(examples, page):
    if SANITIZED:
        pytest.skip("the pages are read with the normal build")
    server, work, environment, replace = examples
    for item in server.get("/v1/connectors").json()["items"]:
        server.delete(f"/v1/connectors/{item['id']}")
    blocks = BLOCK.findall((ROOT / page).read_text())
    assert blocks, f"{page} has no example"
    for block in blocks:
        for old, new in replace.items():
            block = block.replace(old, new)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], capture_output=True, text=True, timeout=120, env=environment, cwd=work)
        assert done.returncode == 0, f"{page}:\n{block}\n{done.stdout}\n{done.stderr}"
        for expected in re.findall(r"^# expect: (.*)$", block, re.M):
            assert expected in done.stdout + done.stderr, f"{page}: {expected!r} not in\n{done.stdout}\n{done.stderr}"

"""`./dev demo`: what a newcomer runs first. It can be run again, and --stop leaves nothing behind."""

import os
import pathlib
import subprocess
import tempfile

import pytest

from conftest import ROOT, SANITIZED, free_port


@pytest.fixture(scope="module")
def place():
    """Of a demo of its own: one that somebody looks at goes on."""
    if SANITIZED:
        pytest.skip("the demo runs the normal build")
    # The server's user must get there, and its socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="weir-test-demo-", dir="/var/tmp") as directory:
        pathlib.Path(directory).chmod(0o755)
        yield pathlib.Path(directory)


@pytest.fixture(scope="module")
def demo(place):
    environment = {**os.environ, "WEIR_DEMO_PG_PORT": str(free_port()), "WEIR_DEMO_LISTEN": f"127.0.0.1:{free_port()}",
                   "WEIR_DEMO_HOME": str(place / "home"), "WEIR_DEMO_PG_DIR": str(place / "pg")}

    def run(*arguments):
        return subprocess.run([ROOT / "demo/demo.sh", *arguments], capture_output=True, text=True, timeout=300, env=environment)

    yield run
    run("--stop")


def leftovers(place):
    processes = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if str(place).encode() in read(p)]
    return processes, list(place.iterdir())


def read(path):
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_shows_the_main_job_twice_and_leaves_nothing(demo, place):
    for _ in range(2):
        done = demo()
        assert done.returncode == 0, done.stdout + done.stderr
        assert "user42@example.com" in done.stdout    # a row from PostgreSQL
        assert "done by the source" in done.stderr    # the summary, beside the rows and not among them
        assert "errors" in done.stdout                # the join with the log file
        assert "http://127.0.0.1:" in done.stdout     # where to go on
    stopped = demo("--stop")
    assert stopped.returncode == 0, stopped.stderr
    assert leftovers(place) == ([], [])

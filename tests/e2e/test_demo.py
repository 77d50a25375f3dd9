"""`./dev demo`: what a newcomer runs first. It can be run again, and --stop leaves nothing behind."""

import os
import pathlib
import socket
import subprocess

import pytest

from conftest import ROOT, SANITIZED


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def demo():
    if SANITIZED:
        pytest.skip("the demo runs the normal build")
    environment = {**os.environ, "WEIR_DEMO_PG_PORT": str(free_port()), "WEIR_DEMO_LISTEN": f"127.0.0.1:{free_port()}"}

    def run(*arguments):
        return subprocess.run([ROOT / "demo/demo.sh", *arguments], capture_output=True, text=True, timeout=300, env=environment)

    yield run
    run("--stop")


def leftovers():
    ours = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if b".demo/" in read(p) or b"weir-demo-" in read(p)]
    return ours, (ROOT / ".demo").exists(), list(pathlib.Path("/var/tmp").glob("weir-demo-*"))


def read(path):
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_shows_the_main_job_twice_and_leaves_nothing(demo):
    for _ in range(2):
        done = demo()
        assert done.returncode == 0, done.stdout + done.stderr
        assert "user42@example.com" in done.stdout    # a row from PostgreSQL
        assert "done by the source" in done.stderr    # the summary, beside the rows and not among them
        assert "errors" in done.stdout                # the join with the log file
        assert "http://127.0.0.1:" in done.stdout     # where to go on
    stopped = demo("--stop")
    assert stopped.returncode == 0, stopped.stderr
    assert leftovers() == ([], False, [])

"""What a commit of the lake asks of the operating system, and what happens when the disk has no more room."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from shell import Shell

TRACED = "openat,fsync,fdatasync,mkdir"
CALL = re.compile(r'^\d+ +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>.*)$')


def traced_calls(trace, data):
    """(call, path relative to the data directory, whether it creates) in order."""
    for line in trace.read_text().splitlines():
        match = CALL.match(line.replace(" <unfinished ...>", ") = 0"))
        path = re.search(re.escape(str(data)) + r'(/[^">]*)?', line)
        if match and path and not match["result"].startswith("-1"):
            yield match["call"], (path[1] or "/").rstrip("/") or "/", "O_CREAT" in match["arguments"]


def trace_writes(tmp_path, statements):
    data, trace = tmp_path / "data", tmp_path / "trace"
    with Shell(data) as shell:
        shell.write("CREATE TABLE kept AS SELECT i FROM range(1000) t(i)")
    # LeakSanitizer cannot work in a traced process.
    prefix = ["strace", "-E", "ASAN_OPTIONS=detect_leaks=0", "-f", "-qq", "-y", "-s", "400", "-e", f"trace={TRACED}", "-o", str(trace)]
    with Shell(data, prefix=prefix) as shell:
        for statement in statements:
            shell.write(statement)
    return list(traced_calls(trace, data))


def position(calls, wanted, start=0):
    return next((at for at in range(start, len(calls)) if calls[at][:2] == wanted), None)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_extents_and_directories_are_synced_before_the_catalog_commits(tmp_path):
    calls = trace_writes(tmp_path, [
        "CREATE TABLE fresh AS SELECT i FROM range(1000) t(i)", "DELETE FROM kept WHERE i < 10", "UPDATE kept SET i = -i WHERE i > 990"])
    log = "/catalog.ducklake.wal"
    created = [(at, path) for at, (call, path, creates) in enumerate(calls) if call == "openat" and creates and path.endswith(".parquet")]
    assert len(created) >= 4
    for at, path in created:
        synced = position(calls, ("fsync", path), at)
        entry_synced = position(calls, ("fsync", os.path.dirname(path)), at)
        committed = position(calls, ("fsync", log), at)
        assert None not in (synced, entry_synced, committed), path
        assert synced < committed and entry_synced < committed, path
    made = position(calls, ("mkdir", "/extents/main/fresh"))
    assert made < position(calls, ("fsync", "/extents/main"), made) < position(calls, ("fsync", log), made)
    log_created = position(calls, ("openat", log))
    assert position(calls, ("fsync", "/"), log_created) < position(calls, ("fsync", log), log_created)


class SmallDisk:
    """A lake on a disk of its own of a few MiB, in a mount namespace that ends with it."""

    def __init__(self, place, mebibytes):
        self.place = place
        place.mkdir()
        self.prefix = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
                       f'mount -t tmpfs -o size={mebibytes}m none "$0" && exec "$@"', str(place)]

    def open(self, **options):
        self.shell = Shell(self.place / "data", prefix=self.prefix, **options)
        return self.shell

    @property
    def root(self):
        return pathlib.Path(f"/proc/{self.shell.process.pid}/root{self.place}")

    def free_bytes(self):
        space = os.statvfs(self.root)
        return space.f_bavail * space.f_frsize

    def leave(self, free_bytes):
        """Fills the disk up to `free_bytes`."""
        with open(self.root / "ballast", "wb") as ballast:
            ballast.write(b"x" * max(0, self.free_bytes() - free_bytes))

    def clear(self):
        (self.root / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path):
    probe = SmallDisk(tmp_path / "probe", 1)
    if subprocess.run([*probe.prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("may not mount a small disk here")
    return SmallDisk(tmp_path / "disk", 24)


STATE = "SELECT count(*), sum(i), count(DISTINCT i) FROM t"


@pytest.mark.parametrize("log_bytes_max", [0, 1 << 24], ids=["log folded after each commit", "log folded rarely"])
def test_a_full_disk_is_said_and_changes_nothing(small_disk, log_bytes_max):
    with small_disk.open(log_bytes_max=log_bytes_max) as shell:
        shell.write("CREATE TABLE t AS SELECT i FROM range(1000) t(i)")
        refused = 0
        for free_bytes in (0, 4096, 12_288, 40_960, 102_400, 204_800):
            small_disk.leave(free_bytes)
            for statement in ("INSERT INTO t SELECT 5000 + i FROM range(200) t(i)", "DELETE FROM t WHERE i % 97 = 0 AND i < 900",
                              "UPDATE t SET i = i + 100000 WHERE i % 31 = 1 AND i < 1000",
                              "INSERT INTO t SELECT 10000 + i FROM range(100000) t(i)", f"CREATE TABLE s{free_bytes} (i INT)"):
                before = shell.read(STATE)
                answer = shell.try_write(statement)
                if "error" in answer:
                    refused += 1
                    assert answer["error"]["code"] == "disk_full", answer
                    assert str(small_disk.place) in answer["error"]["message"]
                    assert shell.read(STATE) == before
            small_disk.clear()
            shell.write("INSERT INTO t VALUES (-1)")
        assert refused >= 6
        at_the_end = shell.read(STATE)
        # A second opener sees the same: nothing of it was only in memory.
        shutil.copytree(small_disk.root / "data", small_disk.place.parent / "copy")
    with Shell(small_disk.place.parent / "copy") as copy:
        assert copy.read(STATE) == at_the_end


def test_an_extent_that_did_not_fit_gives_its_space_back(small_disk):
    with small_disk.open() as shell:
        shell.write("CREATE TABLE t (i BIGINT, text VARCHAR)")
        small_disk.leave(2_000_000)
        before = small_disk.free_bytes()
        answer = shell.try_write("INSERT INTO t SELECT i, md5(i::VARCHAR) || md5((-i)::VARCHAR) FROM range(2000000) t(i)")
        assert answer["error"]["code"] == "disk_full"
        assert small_disk.free_bytes() >= before - 100_000

"""What a landing does to the disk: what it has answered is durable, and a full disk harms nothing."""

import os
import re
import shutil
import subprocess

import pytest

from test_landing_kill import SHELL


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("landing,step,log", [("hot", "hot_commit", "hot.duckdb.wal>"), ("direct", "lake_commit", "catalog.ducklake.wal>")])
def test_the_log_is_synced_before_a_commit_returns(tmp_path, landing, step, log):
    trace = tmp_path / "trace"
    subprocess.run(["strace", "-E", "ASAN_OPTIONS=detect_leaks=0", "-f", "-qq", "-y", "-s", "60", "-e", "trace=write,pwrite64,fsync,fdatasync,openat", "-o", str(trace), str(SHELL),
                    "run", str(tmp_path / "data"), "12"], check=True, env=dict(os.environ, WEIR_STEPS="1", WEIR_LANDING=landing), capture_output=True, timeout=120)
    commits, written, synced, inside = 0, False, False, False
    for line in trace.read_text(errors="replace").splitlines():
        at = re.search(r'write\(2<[^>]*>, "step (\w+)', line)
        if at and at[1] == step:
            inside, written, synced = True, False, False
        elif at and at[1] == step + "ted":
            assert written and synced, f"commit {commits} returned before its log was on the disk"
            commits, inside = commits + 1, False
        elif inside and log in line:
            if re.search(r"\b(pwrite64|write)\(", line):
                written, synced = True, False
            elif re.search(r"\bf(data)?sync\(", line):
                synced = True
    assert commits >= 12


@pytest.mark.parametrize("landing,seed", [("hot", 0), ("hot", 1), ("hot", 2), ("direct", 0)])
def test_a_full_disk_refuses_commits_and_folds_and_harms_nothing(tmp_path, landing, seed):
    place = tmp_path / "disk"
    place.mkdir()
    prefix = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
              'mount -t tmpfs -o size=24m none "$0" && exec "$@"', str(place)]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("may not mount a small disk here")
    done = subprocess.run([*prefix, str(SHELL), "starve", str(place / "data"), "60", str(seed)], capture_output=True, text=True, timeout=200,
                          env=dict(os.environ, WEIR_LANDING=landing))
    assert done.returncode == 0, done.stdout
    refused = re.search(r"refused (\d+) commits and (\d+) folds, reopened 0", done.stdout)
    assert refused and int(refused[1]) + int(refused[2]) > 0, done.stdout
    assert "not disk_full" not in done.stdout, done.stdout

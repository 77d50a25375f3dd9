"""The relocatable folder runs on a machine that has none of the build tools: a root directory with glibc and nothing else."""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, SANITIZED

# glibc's own files, as on any Debian 12.
GLIBC = ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2",
         "libutil.so.1", "libanl.so.1", "libnss_files.so.2", "libnss_dns.so.2"]


@pytest.fixture(scope="module")
def clean_root(tmp_path_factory):
    if SANITIZED:
        pytest.skip("the distribution is made of the normal build")
    assert os.geteuid() == 0, "chroot needs root"
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([ROOT / "cmake/dist.sh", ROOT / "build", out], check=True, stdout=subprocess.DEVNULL)
    root = tmp_path_factory.mktemp("root")
    libraries = root / "lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (root / "lib64").mkdir()
    (root / "tmp").mkdir()
    for name in GLIBC:
        shutil.copy(f"/lib/x86_64-linux-gnu/{name}", libraries / name)
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    [archive] = pathlib.Path(out).glob("weir-*.tar.gz")
    subprocess.run(["tar", "-C", root, "-xzf", archive], check=True)
    [folder] = root.glob("weir-*")
    folder.rename(root / "moved")  # relocatable: the name of the folder does not matter
    # The loader finds the program's own folder through /proc, as on every machine.
    (root / "proc").mkdir()
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    yield root
    subprocess.run(["umount", root / "proc"], check=True)


def in_root(root, *command):
    return subprocess.run(["/usr/sbin/chroot", str(root), "/moved/bin/weir", *command], capture_output=True, text=True, timeout=60,
                          env={"HOME": "/tmp", "PATH": "/moved/bin"})


def test_runs_without_the_build_machine(clean_root):
    done = in_root(clean_root, "version")
    assert done.returncode == 0, done.stderr
    assert "DuckDB v1.5.5" in done.stdout


def test_keeps_a_lake_in_the_clean_root(clean_root):
    for statement, expected in [("CREATE TABLE t AS SELECT 42 AS answer", None), ("SELECT answer FROM t", "answer\n42\n")]:
        done = in_root(clean_root, "sql", "--data-dir", "/tmp/data", "--format", "csv", statement)
        assert done.returncode == 0, done.stderr
        if expected:
            assert done.stdout == expected


def test_carries_no_path_of_the_build_machine_in_its_search_path(clean_root):
    headers = subprocess.run(["readelf", "-d", clean_root / "moved/bin/weir"], capture_output=True, text=True, check=True)
    assert "$ORIGIN/../lib" in headers.stdout
    assert str(ROOT) not in headers.stdout and ".cache" not in headers.stdout

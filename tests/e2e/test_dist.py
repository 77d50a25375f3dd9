"""The relocatable folder runs on a machine that has none of the build tools: a root directory with glibc and nothing else."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, SANITIZED, unshare

# glibc's own files, as on any Debian 12.
GLIBC = ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2",
         "libutil.so.1", "libanl.so.1", "libnss_files.so.2", "libnss_dns.so.2"]


@pytest.fixture(scope="module")
def clean_root(tmp_path_factory):
    if SANITIZED:
        pytest.skip("the distribution is made of the normal build")
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
    (root / "proc").mkdir()
    return root


def command_in(root):
    """The program in the clean root; it stays the process that was started. The network is the host's."""
    # The loader finds the program's own folder through /proc, as on every machine.
    script = 'mount --rbind /proc "$0/proc" && exec /usr/sbin/chroot "$0" "$@"'
    return [*unshare("--mount"), "/bin/sh", "-c", script, str(root), "/moved/bin/weir"]


def in_root(root, *arguments):
    return subprocess.run([*command_in(root), *arguments], capture_output=True, text=True, timeout=60,
                          env={"HOME": "/tmp", "PATH": "/usr/bin:/bin"})


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


def test_serves_a_database_over_tls_in_the_clean_root(clean_root, start_weir, postgres, database):
    with postgres.connect(database) as session:
        session.execute("CREATE TABLE users AS SELECT i AS id, 'user' || i AS email FROM generate_series(1, 100) i")
    server = start_weir(command=command_in(clean_root), arguments=["--data-dir", "/tmp/served"])
    # Without /etc/hosts the name localhost has no address.
    server.register(postgres, database, url=postgres.database_url(database, password=False, host="127.0.0.1"), tls="required")
    assert server.rows("SELECT email FROM pg_prod.public.users WHERE id = 42") == [["user42"]]
    assert server.get("/v1/connectors/pg_prod/status").json()["source"]["tls"] is True
    server.query("CREATE TABLE kept AS SELECT * FROM pg_prod.public.users")
    assert server.rows("SELECT count(*) FROM kept") == [[100]]
    server.stop()


def test_carries_no_path_of_the_build_machine_in_its_search_path(clean_root):
    headers = subprocess.run(["readelf", "-d", clean_root / "moved/bin/weir"], capture_output=True, text=True, check=True)
    assert "$ORIGIN/../lib" in headers.stdout
    assert str(ROOT) not in headers.stdout and ".cache" not in headers.stdout

"""A data directory that is not what it should be is refused with a code that says why, and left as it is."""

import shutil

import duckdb
import pytest

from clients import duckdb_session
from shell import Shell


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    data = tmp_path_factory.mktemp("damage") / "data"
    with Shell(data) as shell:
        shell.write("CREATE TABLE t AS SELECT i FROM range(1000) t(i)")
    return data


@pytest.fixture
def data(intact, tmp_path):
    return shutil.copytree(intact, tmp_path / "data")


def error_of(data):
    shell = Shell(data)
    shell.process.wait(60)
    return shell.opened["error"]


def set_catalog_version(data, version):
    catalog = duckdb.connect(str(data / "catalog.ducklake"))
    catalog.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'version'", [version])
    catalog.close()


def flip_byte(file, at):
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)


DAMAGES = {
    "catalog is empty": lambda data: (data / "catalog.ducklake").write_bytes(b""),
    "catalog is something else": lambda data: (data / "catalog.ducklake").write_bytes(b"x" * 20_000),
    "catalog has a wrong byte": lambda data: flip_byte(data / "catalog.ducklake", 20_000),
    "catalog is cut short": lambda data: (data / "catalog.ducklake").write_bytes((data / "catalog.ducklake").read_bytes()[:300_000]),
    "catalog is gone": lambda data: (data / "catalog.ducklake").unlink(),
    "catalog is a plain database": lambda data: ((data / "catalog.ducklake").unlink(), duckdb.connect(str(data / "catalog.ducklake")).close()),
    "extents are gone": lambda data: shutil.rmtree(data / "extents"),
    "version is gone": lambda data: (data / "version").unlink(),
    "version is no number": lambda data: (data / "version").write_text("?"),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_damage_is_named(data, damage):
    DAMAGES[damage](data)
    error = error_of(data)
    assert error["code"] == "data_dir_damaged", error
    assert str(data) in error["message"]


def test_a_newer_catalog_is_refused(data):
    set_catalog_version(data, "1.1")
    assert error_of(data)["code"] == "data_dir_version"


def test_a_newer_layout_is_refused(data):
    (data / "version").write_text("2\n")
    assert error_of(data)["code"] == "data_dir_version"


def test_a_catalog_that_another_program_has_open_is_said(data):
    other = duckdb_session(data, ", OVERRIDE_DATA_PATH true")
    assert error_of(data)["code"] == "data_dir_locked"
    other.close()


def test_a_second_weir_is_told_about_the_first(data):
    with Shell(data) as first:
        error = error_of(data)
    assert error["code"] == "data_dir_locked"
    assert f"process {first.process.pid}" in error["message"]


def test_a_directory_that_moved_is_read_as_before(data):
    moved = data.rename(data.parent / "it's moved")
    with Shell(moved) as shell:
        assert shell.read("SELECT count(*) FROM t") == [("1000",)]
        shell.write("INSERT INTO t VALUES (1000)")
        assert shell.read("SELECT count(*) FROM t") == [("1001",)]


def test_an_extent_that_is_gone_is_an_error_of_its_table_only(data):
    shutil.rmtree(data / "extents" / "main" / "t")
    with Shell(data) as shell:
        shell.write("CREATE TABLE other AS SELECT 1 i")
        assert shell.read("SELECT i FROM other") == [("1",)]
        assert "No such file or directory" in shell.ask("read SELECT sum(i) FROM t")["error"]["message"]

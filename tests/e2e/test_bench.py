"""The benchmarks are gates: they run, they fail when Weir takes more than it may, and they say what they left out."""

import sys

import pytest
import requests

from conftest import ROOT, SANITIZED

sys.path.insert(0, str(ROOT / "bench"))
import aggregate  # noqa: E402
import changes  # noqa: E402
import commits  # noqa: E402
import debezium  # noqa: E402
import direct  # noqa: E402
import lag  # noqa: E402
import measure  # noqa: E402
import reads  # noqa: E402
import scan  # noqa: E402
import servers  # noqa: E402
import tpch  # noqa: E402


@pytest.mark.parametrize("seconds, cpu, failing", [(4, 8, []), (5, 9, []), (6, 8, ["seconds"]), (4, 10, ["CPU-seconds"]), (6, 10, ["seconds", "CPU-seconds"])])
def test_fails_in_what_weir_takes_more_of(seconds, cpu, failing):
    medians = {scan.FLOOR: measure.Measured(1, 1, 1, 0), scan.PEER_NAME: measure.Measured(5, 4, 5, 0), scan.OURS: measure.Measured(seconds, 1, cpu - 1, 0)}
    assert [line.split("scan: ")[1].split(" of Weir")[0] for line in scan.slower_than_peer(medians)] == failing


def test_an_answer_with_rows_missing_is_no_measurement():
    class Source:
        rows = 100

    class Weir:
        def queries(self):
            return [{"text": "SELECT * FROM pg.public.lineitem", "state": "done", "summary": {"row_count": 99}}]

    with pytest.raises(AssertionError):
        scan.check_rows(Source(), Weir())


def test_rows_per_second_are_of_the_rows_there_are():
    medians = {scan.PEER_NAME: measure.Measured(2, 1, 1, 0)}
    assert "| 50 |" in scan.report("", medians, 100)


@pytest.mark.parametrize("floor, ours, fails", [(2.0, 2.5, False), (4.0, 4.0, False), (2.0, 3.0, True)])
def test_commits_fail_when_they_are_few_although_the_source_gives_more(floor, ours, fails):
    assert bool(commits.missed({commits.FLOOR: measure.Measured(floor, 1, 1, 0), commits.OURS: measure.Measured(ours, 1, 1, 0)})) == fails


@pytest.mark.parametrize("took, fails", [([0.2] * 100, False), ([0.2] * 98 + [1.5] * 2, True)])
def test_lag_fails_at_a_second(took, fails):
    assert bool(lag.missed({lag.OURS: (took, 5_000)})) == fails


@pytest.mark.parametrize("name, ratio, fails", [("empty", 1.3, False), ("empty", 1.5, True), ("full", 1.9, False), ("full", 2.1, True)])
def test_reads_fail_by_what_is_hot(name, ratio, fails):
    assert bool(reads.missed(100, {"filter": 0.1}, {name: {"filter": 0.1 * ratio}})) == fails


@pytest.mark.parametrize("times, fails", [({"q1": (1, 4), "q2": (1, 3)}, 0), ({"q1": (1, 4), "q2": (1, 2)}, 1), ({"q1": (1.3, 1), "q2": (1, 100)}, 1)])
def test_tpch_fails_by_one_slow_query_or_by_all(times, fails):
    assert len(tpch.missed("here", times, 3.0)[0]) == fails


@pytest.mark.parametrize("cpu, seconds, fails", [(1.6, 0.09, 0), (1.8, 0.09, 1), (1.8, 0.2, 2)])
def test_aggregate_fails_by_its_figures(cpu, seconds, fails):
    assert len(aggregate.missed(measure.Measured(1, 0, cpu, 0), measure.Measured(1, 0.1, 3, 0), measure.Measured(seconds, 0, 0, 0))) == fails


def test_receiver_counts_and_sees_probes():
    receiver = debezium.Receiver()
    try:
        requests.post(receiver.url, data=b'[{"before":null,"after":{"id":7},"op":"c"},{"before":{"id":-2},"after":null,"op":"d"}]').raise_for_status()
        assert receiver.wait(lambda: receiver.events == 2, 10)
        assert receiver.probe == 0
        requests.post(receiver.url, data=b'[{"before":null,"after":{"id":-3,"b":"probe"},"op":"c"}]').raise_for_status()
        assert receiver.wait(lambda: receiver.events == 3, 10)
        assert receiver.probe == -3
        assert not receiver.wait(lambda: receiver.events == 4, 0)
    finally:
        receiver.close()


def test_an_archive_of_another_content_is_refused(tmp_path):
    (tmp_path / "archive").write_bytes(b"other")
    with pytest.raises(AssertionError, match="pinned is"):
        debezium.check_sha256(tmp_path / "archive", debezium.ARCHIVE_SHA256)


@pytest.fixture
def small(monkeypatch, tmp_path, postgres):
    """The source of the tests and a Weir of its own, and everything small: what they show is that the benchmarks run."""
    if SANITIZED:
        pytest.skip("the benchmarks measure the normal build")
    for module, name, value in [(changes, "ROWS", 1000), (changes, "WARM_UP_COMMITS", 100), (commits, "ONE_ROW_COMMITS", 500), (commits, "LARGE_COMMITS", 2),
                                (commits, "LARGE_ROWS", 300), (lag, "RATE", 200), (lag, "SECONDS", 1), (reads, "FOLD_ROWS", 4000), (reads, "QUIET_SECONDS", 1),
                                (servers, "HOME", tmp_path)]:
        monkeypatch.setattr(module, name, value)

    class Source:
        url, port, password, database = postgres.url, postgres.parts.port, postgres.password, "postgres"
        pid = int((postgres.directory / "data/postmaster.pid").read_text().splitlines()[0])

    weir = servers.Weir(Source)
    yield Source, weir
    weir.stop()


with_and_without_debezium = pytest.mark.parametrize("with_debezium", [
    False, pytest.param(True, marks=pytest.mark.skipif(not debezium.is_installed(), reason="Debezium Server is installed by ./dev bench, and only there"))])


@with_and_without_debezium
def test_commits_are_measured(small, with_debezium):
    text, _ = commits.table(*small, runs=1, with_debezium=with_debezium)
    assert text.count(f"| {commits.OURS} |") == 2
    assert (text.count(f"| {debezium.NAME} |"), text.count("was left out")) == ((2, 0) if with_debezium else (0, 2))


@with_and_without_debezium
def test_lag_is_measured(small, with_debezium):
    text, failed = lag.table(*small, runs=1, with_debezium=with_debezium)
    assert not failed
    assert (f"| {debezium.NAME} |" in text, "was left out" in text) == (with_debezium, not with_debezium)


def test_direct_landing_is_measured(small):
    text, failed = direct.table(*small, runs=1)
    assert not failed
    assert text.count("## Direct landing") == 3 and "left out" not in text


def test_reads_are_measured(small):
    text, _ = reads.table(*small, runs=1, rows=20_000)
    assert "full, 3,000 rows" in text and text.count("\n| ") == 4

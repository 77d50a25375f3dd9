"""The scan benchmark is a gate: it fails when Weir takes more than the peer."""

import sys

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import measure  # noqa: E402
import scan  # noqa: E402


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

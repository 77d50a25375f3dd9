"""TPC-H's 22 queries with all tables in PostgreSQL, and with some in the lake: what Weir pushes, and the time with and without."""

import math
import statistics
import time

import requests

import tpch_data

SLOWER_MAX, FASTER_MIN = 1.2, 3.0
IN_THE_LAKE = ("orders", "part", "nation")


def answer(weir, sql):
    """Seconds, and the answer's document."""
    began = time.perf_counter()
    response = requests.post(weir.url + "/v1/query", json={"query": sql})
    seconds = time.perf_counter() - began
    assert response.status_code == 200, response.text
    return seconds, response.json()


def pushed(scans):
    """In a word for each scan: what of the query it took along, and the rows that came."""
    def kinds(scan):
        names = {"join": scan["join_pushed"], "aggregate": scan["agg_pushed"], "top-N": scan["sort_pushed"], "filter": scan["filters_pushed"]}
        return " + ".join(name for name, there in names.items() if there) or "table"
    return "; ".join(f"{kinds(scan)} ({scan['rows_returned']:,} rows)" for scan in scans)


def missed(what, times, faster_min):
    """What fails the gate, and how much faster pushed queries are. `times`: query → seconds pushed and unpushed."""
    slower = [f"tpch, {what}: {name} takes {there:.2f} s pushed, {here:.2f} s unpushed" for name, (there, here) in times.items() if there > SLOWER_MAX * here]
    faster = math.exp(statistics.fmean(math.log(here / there) for there, here in times.values()))
    return slower + ([] if faster >= faster_min else [f"tpch, {what}: pushed queries are {faster:.2f} times faster in the geometric mean, not {faster_min}"]), faster


def measured(weir, names, runs):
    """Of each query the medians of the seconds pushed and unpushed, and a line that shows them."""
    times, lines = {}, []
    for path in tpch_data.QUERIES:
        sql = tpch_data.query(path, names)
        seconds = {"": [], "SET weir_pushdown = off; ": []}
        answers = {}
        for _ in range(runs):
            for prefix, found in seconds.items():
                took, answers[prefix] = answer(weir, prefix + sql)
                found.append(took)
        there, here = (answers[prefix] for prefix in seconds)
        assert there["rows"] == here["rows"], path.stem
        times[path.stem] = tuple(statistics.median(found) for found in seconds.values())
        lines.append(f"| {path.stem} | {times[path.stem][0]:.2f} | {times[path.stem][1]:.2f} | {times[path.stem][1] / times[path.stem][0]:.1f} | {pushed(there['pushdown_summary'])} |")
    return times, lines


def run(weir, sql):
    response = requests.post(weir.url + "/v1/query", json={"query": sql})
    assert response.status_code == 200, response.text


def table(source, weir, runs):
    remote = {name: f"pg.public.{name}" for name in tpch_data.TABLES}
    for name in IN_THE_LAKE:
        run(weir, f"DROP TABLE IF EXISTS {name}")
        run(weir, f"CREATE TABLE {name} AS SELECT * FROM pg.public.{name}")
    text, failures = [], []
    for what, names, faster_min in (("all tables in PostgreSQL", remote, FASTER_MIN), (f"{', '.join(IN_THE_LAKE)} in the lake", {**remote, **{name: name for name in IN_THE_LAKE}}, 1.0)):
        times, lines = measured(weir, names, runs)
        failed, faster = missed(what, times, faster_min)
        failures += failed
        text += [f"## TPC-H: {what}, pushed and unpushed", "", f"Geometric mean: {faster:.1f} times faster pushed. PostgreSQL's tables have the primary and the foreign keys of TPC-H, each with an index.", "",
                 "| | pushed s | unpushed s | ratio | what PostgreSQL ran |", "|---|---|---|---|---|", *lines, ""]
    for name in IN_THE_LAKE:
        run(weir, f"DROP TABLE {name}")
    return "\n".join(text), failures

"""Lag beside a writer of RATE one-row commits a second: from a commit to a query of Weir that sees it, and to the receiver behind Debezium
Server that has it. One reader at a time, the other stands still."""

import threading
import time

import changes
import debezium
import measure
import psycopg

RATE, SECONDS, LAG_MAX = 5_000, 20, 1.0
PROBE_SECONDS_MAX = 60
OURS = "Weir, seen by a query"


def write_steadily(followed, ended):
    """Commits RATE a second until `ended`; how many a second they were."""
    with psycopg.connect(followed.url, autocommit=True) as session:
        session.execute("SET synchronous_commit = off")
        began, commits = time.perf_counter(), 0
        while not ended.is_set():
            session.execute("CALL mixed(%s, %s)", (followed.next_id, RATE // 20))
            followed.wrote(RATE // 20)
            commits += RATE // 20
            time.sleep(max(0.0, began + commits / RATE - time.perf_counter()))
        return commits / (time.perf_counter() - began)


def probe(followed, number, seen):
    """Seconds until `seen(number)`; PROBE_SECONDS_MAX when it never came."""
    followed.write_probe(number)
    committed = time.perf_counter()
    while not seen(number):
        if time.perf_counter() - committed > PROBE_SECONDS_MAX:
            return PROBE_SECONDS_MAX
    return time.perf_counter() - committed


def measure_lag(followed, numbers, seen):
    """The lags found in SECONDS, and the commits/s beside them."""
    ended, rates, took = threading.Event(), [], []
    writer = threading.Thread(target=lambda: rates.append(write_steadily(followed, ended)))
    writer.start()
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            took.append(probe(followed, next(numbers), seen))
    finally:
        ended.set()
        writer.join()
    return took, rates[0]


def seen_by_query(followed):
    return lambda number: followed.query(f"SELECT 1 FROM {{t}} WHERE id = {-number}").get("rows")


def seen_by_receiver(followed):
    receiver = followed.debezium.receiver
    return lambda number: receiver.wait(lambda: receiver.probe <= -number, 1)


def measure_all(followed):
    numbers = iter(range(1, 1 << 31))
    found = {OURS: measure_lag(followed, numbers, seen_by_query(followed))}
    if followed.debezium:
        followed.pause()
        followed.deliver()
        found[debezium.NAME] = measure_lag(followed, numbers, seen_by_receiver(followed))
    return found


def report(found):
    lines = [f"## Lag: from a commit to who waits for it, beside {RATE:,} one-row commits/s", "",
             "| | commits/s | probes | p50 s | p95 s | p99 s | max s |", "|---|---|---|---|---|---|---|"]
    for name, (took, rate) in found.items():
        p50, p95, p99 = (measure.percentile(took, share) for share in (0.5, 0.95, 0.99))
        lines.append(f"| {name} | {rate:,.0f} | {len(took)} | {p50:.3f} | {p95:.3f} | {p99:.3f} | {max(took):.3f} |")
    if debezium.NAME not in found:
        lines.append(debezium.LEFT_OUT)
    return "\n".join(lines) + "\n"


def missed(found):
    took, rate = found[OURS]
    p99 = measure.percentile(took, 0.99)
    return [f"lag: p99 {p99:.2f} s at {rate:,.0f} commits/s"] if p99 >= LAG_MAX else []


def table(source, weir, runs, with_debezium=True):
    followed = changes.Changes(source, weir, with_debezium)
    try:
        found = measure_all(followed)
    finally:
        followed.close()
    return report(found), missed(found)

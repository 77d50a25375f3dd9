"""A stream of commits: what pg_recvlogical receives and discards (floor), what Weir lands, and what Debezium Server delivers (peer), one after
the other from the same log."""

import changes
import debezium
import measure

ONE_ROW_COMMITS = 200_000
LARGE_COMMITS, LARGE_ROWS = 20, 50_000
RECEIVED_SHARE_MIN, COMMITS_MIN = 0.7, 80_000
FLOOR, OURS = "pg_recvlogical to /dev/null (floor)", "Weir, landed"
NOTE = f"""Every reader has a slot of its own, stands still while the commits are written, and then reads them alone. Debezium Server posts batches of
up to {debezium.BATCH:,} changes to a receiver that counts and discards them, whose work is not counted: of its sinks the one that costs it least, with nothing
behind it; its Java has been warmed up by {changes.WARM_UP_COMMITS:,} commits. What the walsender had put into the socket by then, some megabytes, is a start that it has.
"""


def measure_writes(source, followed, write, runs):
    """The medians by reader, the floor first."""
    readers = {FLOOR: (followed.receive, ()), OURS: (followed.land, (followed.weir.pid,))}
    if followed.debezium:
        readers[debezium.NAME] = (followed.deliver, (followed.debezium.pid,))
    found = {name: [] for name in readers}
    for _ in range(runs):
        followed.pause()
        write()
        for name, (read, pids) in readers.items():
            found[name].append(measure.run(read, source.pid, pids))
        if followed.debezium:
            followed.debezium.pause()
        followed.check()
    return {name: measure.median(results) for name, results in found.items()}


def report(title, medians, rows, unit):
    lines = [title, "", f"| | seconds | {unit}/s | client CPU-s | source CPU-s | peak MB | of the floor's rate |", "|---|---|---|---|---|---|---|"]
    for name, m in medians.items():
        lines.append(f"| {name} | {m.seconds:.2f} | {rows / m.seconds:,.0f} | {m.client_cpu:.2f} | {m.server_cpu:.2f} | {m.peak_mb:.0f} | {medians[FLOOR].seconds / m.seconds:.2f} |")
    if debezium.NAME not in medians:
        lines.append(debezium.LEFT_OUT)
    return "\n".join(lines) + "\n"


def missed(mixed):
    """What fails the gate of the one-row commits: the rate, unless the source gives no more."""
    rate, share = ONE_ROW_COMMITS / mixed[OURS].seconds, mixed[FLOOR].seconds / mixed[OURS].seconds
    if rate >= COMMITS_MIN or share >= RECEIVED_SHARE_MIN:
        return []
    return [f"commits: {rate:,.0f} one-row commits/s, {share:.2f} of what is received and discarded"]


def table(source, weir, runs, with_debezium=True):
    followed = changes.Changes(source, weir, with_debezium)
    try:
        mixed = measure_writes(source, followed, lambda: followed.write_mixed(ONE_ROW_COMMITS), runs)
        large = measure_writes(source, followed, lambda: followed.write_large(LARGE_COMMITS, LARGE_ROWS), runs)
    finally:
        followed.close()
    return "\n".join([
        report(f"## Commits: {ONE_ROW_COMMITS:,} of one row (20 % inserts, 60 % updates, 20 % deletes)", mixed, ONE_ROW_COMMITS, "commits"),
        report(f"## Commits: {LARGE_COMMITS} of {LARGE_ROWS:,} rows", large, LARGE_COMMITS * LARGE_ROWS, "rows"), NOTE]), missed(mixed)

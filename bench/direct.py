"""Commits and lag of a live copy whose changes land in the lake itself (sync.landing: direct), measured as those of the other landing."""

import changes
import commits
import debezium
import lag


def table(source, weir, runs):
    followed = changes.Changes(source, weir, with_debezium=False, landing="direct")
    try:
        mixed = commits.measure_writes(source, followed, lambda: followed.write_mixed(commits.ONE_ROW_COMMITS), runs)
        large = commits.measure_writes(source, followed, lambda: followed.write_large(commits.LARGE_COMMITS, commits.LARGE_ROWS), runs)
        found = lag.measure_all(followed)
    finally:
        followed.close()
    text = "\n".join([
        commits.report(f"## Direct landing: {commits.ONE_ROW_COMMITS:,} commits of one row", mixed, commits.ONE_ROW_COMMITS, "commits"),
        commits.report(f"## Direct landing: {commits.LARGE_COMMITS} commits of {commits.LARGE_ROWS:,} rows", large, commits.LARGE_COMMITS * commits.LARGE_ROWS, "rows"),
        lag.report(found).replace("## Lag", "## Direct landing, lag")])
    return text.replace(debezium.LEFT_OUT + "\n", ""), []  # the gates are those of the default landing

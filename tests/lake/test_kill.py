"""A process that commits to the lake is killed at random moments: what it acknowledged is there, and nothing is torn."""

import random
import statistics
import threading
import time

from conftest import DEEP
from shell import Killed, Shell

KILLS = 200 if DEEP else 24
ACCOUNTS = 2_000
SUM = ACCOUNTS * 100


class Model:
    """What the lake must hold after each commit, kept in Python."""

    def __init__(self, dice):
        self.dice = dice
        self.balances = {account: 100 for account in range(ACCOUNTS)}

    def next_step(self):
        """A statement that keeps the sum of balances, and the balances after it."""
        pairs = max(self.balances) >= ACCOUNTS
        return self.dice.choice([self.transfer, self.open_pairs, self.close_pairs if pairs else self.transfer])()

    def transfer(self):
        """UPDATE of many rows: money moves between pairs of the first accounts."""
        chosen = self.dice.sample(range(ACCOUNTS), 2 * self.dice.randint(1, 200))
        amount = self.dice.randint(1, 50)
        after = dict(self.balances)
        changes = [(account, amount if place % 2 else -amount) for place, account in enumerate(chosen)]
        for account, change in changes:
            after[account] += change
        values = ", ".join(map(str, changes))
        return f"UPDATE accounts SET balance = balance + c.change FROM (VALUES {values}) c(id, change) WHERE accounts.id = c.id", after

    def open_pairs(self):
        """INSERT of new accounts, two by two with balances that cancel out."""
        first = max(self.balances) + 1 & ~1
        rows = []
        for pair in range(self.dice.randint(1, 30)):
            amount = self.dice.randint(1, 1000)
            rows += [(first + 2 * pair, amount), (first + 2 * pair + 1, -amount)]
        return "INSERT INTO accounts VALUES " + ", ".join(map(str, rows)), {**self.balances, **dict(rows)}

    def close_pairs(self):
        """DELETE of such pairs."""
        divisor = self.dice.randint(2, 5)
        after = {account: balance for account, balance in self.balances.items() if account < ACCOUNTS or account // 2 % divisor}
        return f"DELETE FROM accounts WHERE id >= {ACCOUNTS} AND id // 2 % {divisor} = 0", after


def contents(shell):
    return {int(account): int(balance) for account, balance in shell.read("SELECT id, balance FROM accounts")}


def commit_until_killed(shell, model, commits, dice):
    """Commits so often, then is killed while it goes on; returns the balances that the commit under way would have led to."""
    seconds = []
    killer = None
    try:
        while True:
            if len(seconds) == commits:
                # Somewhere in the next commit, or just behind it.
                killer = threading.Timer(dice.uniform(0, 1.3 * statistics.fmean(seconds)), shell.kill)
                killer.start()
            statement, after = model.next_step()
            started = time.monotonic()
            shell.write(statement)
            seconds.append(time.monotonic() - started)
            model.balances = after
    except Killed:
        return after, len(seconds)
    finally:
        if killer:
            killer.join()


def test_kill_at_any_moment_leaves_the_last_committed_snapshot(tmp_path, seed):
    dice = random.Random(seed)
    model = Model(dice)
    data = tmp_path / "data"
    with Shell(data) as shell:
        shell.write(f"CREATE TABLE accounts AS SELECT i::BIGINT id, 100::BIGINT balance FROM range({ACCOUNTS}) t(i)")
    torn_off, commits = 0, 0
    for kill in range(KILLS):
        # The catalog's log is folded every few commits, so that kills meet the fold too.
        shell = Shell(data, log_bytes_max=dice.choice([0, 20_000, 1 << 24]))
        after, done = commit_until_killed(shell, model, dice.randint(1, 6), dice)
        commits += done
        with Shell(data) as fresh:
            found = contents(fresh)
            assert sum(found.values()) == SUM, f"seed {seed}, kill {kill}: torn"
            assert found in (model.balances, after), f"seed {seed}, kill {kill}: neither the last commit nor the one after it"
            torn_off += found == after
        model.balances = found
    print(f"{KILLS} kills, {commits} commits, {torn_off} of the commits under way were durable")
    assert commits > KILLS

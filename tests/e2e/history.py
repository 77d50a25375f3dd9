"""A writer of known history: after each of its transactions it knows what every table holds."""

import contextlib
import hashlib
import random
import threading

import psycopg

TABLES = """
CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE items (a integer, b text, note text, weight numeric(12,3), big text, PRIMARY KEY (a, b));
CREATE TABLE progress (id integer PRIMARY KEY, n bigint NOT NULL);
ALTER TABLE items ALTER COLUMN big SET STORAGE EXTERNAL;
"""
ACCOUNTS = 200
BALANCE = 1_000
# One statement, so one snapshot: how far the copy is, and what it holds.
STATE = """
SELECT (SELECT max(n) FROM {0}.public.progress),
       (SELECT sum(balance) FROM {0}.public.accounts),
       (SELECT coalesce(sum(('0x' || substr(md5(id || '|' || balance), 1, 15))::BIGINT), 0) FROM {0}.public.accounts),
       (SELECT coalesce(sum(('0x' || substr(md5(concat_ws('|', a, b, coalesce(note, '~'), coalesce(weight::VARCHAR, '~'), md5(coalesce(big, '~')))), 1, 15))::BIGINT), 0)
          FROM {0}.public.items)
"""


def digest(text):
    return int(hashlib.md5(text.encode()).hexdigest()[:15], 16)


class History:
    """`states[n]` is what the tables hold after transaction n: (sum, digest of accounts, digest of items)."""

    def __init__(self, url, seed, rows=0):
        self.url = url
        self.chance = random.Random(seed)
        self.accounts = {i: BALANCE for i in range(ACCOUNTS)}
        self.items = {}
        self.digests = {"accounts": 0, "items": 0}
        self.n = 0
        self.states = {}
        self.undo = []  # what the open transaction has changed here: (which, key, what was there)
        self.recovered = 0  # how often its connection was lost
        self.stopping = threading.Event()
        self.failure = None
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(TABLES)
            with session.transaction():
                session.execute("INSERT INTO accounts SELECT i, %s FROM generate_series(0, %s) i", (BALANCE, ACCOUNTS - 1))
                session.execute("INSERT INTO progress VALUES (1, 0)")
                session.execute("INSERT INTO items SELECT i, 'base', 'n' || i, i + 0.125, NULL FROM generate_series(1, %s) i", (rows,))
        for account in self.accounts.items():
            self.digests["accounts"] += self.account_digest(*account)
        for i in range(1, rows + 1):
            self.put_item(i, "base", (f"n{i}", f"{i}.125", None))
        self.note()

    @staticmethod
    def account_digest(key, balance):
        return digest(f"{key}|{balance}")

    @staticmethod
    def item_digest(a, b, values):
        note, weight, big = values
        return digest("|".join([str(a), b, note if note is not None else "~", weight if weight is not None else "~",
                                hashlib.md5((big if big is not None else "~").encode()).hexdigest()]))

    def put_item(self, a, b, values):
        self.drop_item(a, b)
        self.undo.append((self.items, (a, b), None))
        self.items[a, b] = values
        self.digests["items"] += self.item_digest(a, b, values)

    def drop_item(self, a, b):
        values = self.items.pop((a, b), None)
        if values is not None:
            self.undo.append((self.items, (a, b), values))
            self.digests["items"] -= self.item_digest(a, b, values)

    def set_balance(self, key, balance):
        self.undo.append((self.accounts, key, self.accounts[key]))
        self.digests["accounts"] -= self.account_digest(key, self.accounts.pop(key))
        self.accounts[key] = balance
        self.digests["accounts"] += self.account_digest(key, balance)

    def note(self):
        self.states[self.n] = (ACCOUNTS * BALANCE, self.digests["accounts"], self.digests["items"])

    def step(self, session):
        """One transaction on the source, and the same here."""
        chance = self.chance
        self.undo = []
        self.before = dict(self.digests)
        with session.transaction():
            for _ in range(chance.choice([1, 1, 1, 2, 5, 40])):
                kind = chance.choice(["transfer", "transfer", "put", "put", "change", "toast", "keep_toast", "move", "drop", "again", "rename_account"])
                getattr(self, kind)(session, chance)
            session.execute("UPDATE progress SET n = %s", (self.n + 1,))
        self.n += 1
        self.undo = []
        self.note()

    def transfer(self, session, chance):
        source, target = chance.sample(sorted(self.accounts), 2)
        amount = chance.randrange(1, 50)
        session.execute("UPDATE accounts SET balance = balance - %s WHERE id = %s", (amount, source))
        session.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, target))
        self.set_balance(source, self.accounts[source] - amount)
        self.set_balance(target, self.accounts[target] + amount)

    def rename_account(self, session, chance):
        source = chance.choice(sorted(self.accounts))
        target = chance.randrange(10_000, 1_000_000)
        if target in self.accounts:
            return
        session.execute("UPDATE accounts SET id = %s WHERE id = %s", (target, source))
        balance = self.accounts[source]
        self.undo += [(self.accounts, source, balance), (self.accounts, target, None)]
        self.digests["accounts"] -= self.account_digest(source, self.accounts.pop(source))
        self.accounts[target] = balance
        self.digests["accounts"] += self.account_digest(target, balance)

    def put(self, session, chance):
        a, b = chance.randrange(1_000_000), chance.choice(["x", "y:z", "\\", "é"])
        values = (chance.choice([None, "note", "a|b"]), chance.choice([None, f"{chance.randrange(10**6)}.{chance.randrange(1000):03d}"]), None)
        session.execute("INSERT INTO items VALUES (%s, %s, %s, %s, NULL) ON CONFLICT (a, b) DO UPDATE SET note = excluded.note, weight = excluded.weight, big = NULL",
                        (a, b, values[0], values[1]))
        self.put_item(a, b, values)

    def pick(self, chance):
        return chance.choice(list(self.items)[-300:]) if self.items else None

    def change(self, session, chance):
        key = self.pick(chance)
        if key is None:
            return
        note = f"changed {chance.randrange(1000)}"
        session.execute("UPDATE items SET note = %s WHERE a = %s AND b = %s", (note, *key))
        self.put_item(*key, (note, *self.items[key][1:]))

    def toast(self, session, chance):
        key = self.pick(chance)
        if key is None:
            return
        big = chance.choice("abc") * chance.randrange(3_000, 9_000)
        session.execute("UPDATE items SET big = %s WHERE a = %s AND b = %s", (big, *key))
        self.put_item(*key, (*self.items[key][:2], big))

    def keep_toast(self, session, chance):
        with_big = [key for key in list(self.items)[-300:] if self.items[key][2] is not None]
        if not with_big:
            return
        key = chance.choice(with_big)
        note = f"kept {chance.randrange(1000)}"
        session.execute("UPDATE items SET note = %s WHERE a = %s AND b = %s", (note, *key))
        self.put_item(*key, (note, *self.items[key][1:]))

    def move(self, session, chance):
        key = self.pick(chance)
        if key is None:
            return
        target = (chance.randrange(2_000_000, 3_000_000), key[1])
        if target in self.items:
            return
        session.execute("UPDATE items SET a = %s WHERE a = %s AND b = %s", (target[0], *key))
        values = self.items[key]
        self.drop_item(*key)
        self.put_item(*target, values)

    def drop(self, session, chance):
        key = self.pick(chance)
        if key is None:
            return
        session.execute("DELETE FROM items WHERE a = %s AND b = %s", key)
        self.drop_item(*key)

    def again(self, session, chance):
        """Deleted and inserted again in one transaction."""
        key = self.pick(chance)
        if key is None:
            return
        session.execute("DELETE FROM items WHERE a = %s AND b = %s", key)
        session.execute("INSERT INTO items VALUES (%s, %s, 'again', 1.5, NULL)", key)
        self.put_item(*key, ("again", "1.500", None))

    def run(self):
        """Until `stop`; goes on through restarts of the source."""
        session = None
        while not self.stopping.is_set():
            try:
                session = session or psycopg.connect(self.url, autocommit=True)
                self.step(session)
            except psycopg.OperationalError:
                session = None
                self.recover()
            except Exception as error:  # the test asks for it
                self.failure = error
                return
            if self.chance.random() < 0.02:
                self.stopping.wait(self.chance.random() * 0.05)

    def recover(self):
        """Whether the last transaction was committed is not known: asks."""
        while True:
            try:
                with psycopg.connect(self.url, autocommit=True) as session:
                    [n] = session.execute("SELECT n FROM progress").fetchone()
                break
            except psycopg.OperationalError:
                if self.stopping.wait(0.02):
                    return
        self.recovered += 1
        if n == self.n + 1:
            self.n = n
            self.note()
        elif n != self.n:
            self.failure = AssertionError(f"the source is at transaction {n}, the writer at {self.n}")
            self.stopping.set()
        elif self.undo:
            for which, key, was in reversed(self.undo):
                if was is None:
                    which.pop(key)
                else:
                    which[key] = was
            self.digests = self.before
        self.undo = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()

    def start(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        if self.failure:
            raise self.failure

    @contextlib.contextmanager
    def kept(self):
        """What happens inside is forgotten at its end."""
        state = self.n, dict(self.accounts), dict(self.items), dict(self.digests)
        yield
        self.n, self.accounts, self.items, self.digests = state

    def check(self, weir, connector="pg"):
        """The copy equals a prefix of the history. Answers how long that prefix is."""
        [[n, total, accounts, items]] = weir.rows(STATE.format(connector))
        assert n in self.states, f"transaction {n} is not known; the writer is at {self.n}"
        expected = self.states[n]
        assert (int(total), int(accounts), int(items)) == expected, f"after transaction {n}: {(total, accounts, items)} instead of {expected}"
        return n

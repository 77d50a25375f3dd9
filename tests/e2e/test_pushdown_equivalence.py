"""Pushed, unpushed and an independent reader agree: generated predicates over a table with every type.

The seed is new at each run and printed; WEIR_SEED replays one."""

import collections
import random

import pytest

import every_type
from conftest import DEEP, SANITIZED

PREDICATES = 20_000 if DEEP else 300 if SANITIZED else 2_000
ROWS = 300
LEAST_OF_EACH = 20 * PREDICATES // 2_000


class Atom:
    """One comparison: its DuckDB text and its value for a row of keys (True, False or None for unknown)."""

    def __init__(self, chance, column, operator):
        self.column, self.operator = column, operator
        texts = list(column.keys)
        if operator in every_type.COMPARE:
            self.operands = [None if chance.random() < 0.03 else chance.choice(texts)]
        elif operator in every_type.LISTS:
            # One list in five has a NULL, some have nothing else.
            self.operands = [chance.choice(texts) for _ in range(chance.randint(0 if chance.random() < 0.05 else 1, 4))]
            if not self.operands or chance.random() < 0.2:
                self.operands.insert(chance.randint(0, len(self.operands)), None)
        elif operator == "BETWEEN":
            self.operands = [chance.choice(texts), chance.choice(texts)]
        elif operator in every_type.PATTERNS:
            self.operands = [pattern(chance, chance.choice(texts))]
        else:
            self.operands = []

    def must_be_pushed(self):
        # DuckDB folds a comparison with NULL, and LIKE '%', before anybody is asked.
        matches_all = self.operator in every_type.PATTERNS and set(self.operands[0]) == {"%"}
        folded = matches_all or (self.operator in every_type.COMPARE and None in self.operands)
        return self.column.runs_there(self.operator) and not folded

    def sql(self):
        name = self.column.name
        literals = ["NULL" if o is None else every_type.duckdb_literal(self.column, o) for o in self.operands]
        if self.operator in every_type.PATTERNS:
            literals = ["'" + self.operands[0].replace("'", "''") + "'"]
        if self.operator in every_type.LISTS:
            return f"{name} {self.operator} ({', '.join(literals)})"
        if self.operator == "BETWEEN":
            return f"{name} BETWEEN {literals[0]} AND {literals[1]}"
        return " ".join([name, self.operator, *literals])

    def value(self, row):
        key = row[self.column.name]
        if self.operator in every_type.NULLS:
            return (key is None) == (self.operator == "IS NULL")
        if self.operator in every_type.PATTERNS:
            return None if key is None else like(key.decode(), self.operands[0]) == (self.operator == "LIKE")
        others = [None if o is None else self.column.keys[o] for o in self.operands]
        if self.operator in every_type.LISTS:
            found = any_of([None if key is None or o is None else key == o for o in others])
            return found if self.operator == "IN" or found is None else not found
        if key is None or None in others:
            return None
        if self.operator == "BETWEEN":
            return others[0] <= key <= others[1]
        return {"=": key == others[0], "<>": key != others[0], "<": key < others[0], "<=": key <= others[0],
                ">": key > others[0], ">=": key >= others[0]}[self.operator]


def pattern(chance, text):
    """A LIKE pattern that has a chance to match: pieces of a value, % and _, backslashes as plain characters."""
    cut = chance.randint(0, len(text))
    middle = text[cut:cut + 3]
    return chance.choice([f"{text[:cut]}%", f"%{text[cut:]}", f"%{middle}%", text, f"{text[:cut]}_{text[cut + 1:]}", "%", "_%", f"{text[:1]}%{text[-1:]}"])


def like(text, pattern):
    """SQL's LIKE without an escape character, by dynamic programming."""
    reach = [True] + [False] * len(text)
    for symbol in pattern:
        if symbol == "%":
            for i in range(1, len(text) + 1):
                reach[i] = reach[i] or reach[i - 1]
        else:
            reach = [False] + [reach[i] and symbol in ("_", text[i]) for i in range(len(text))]
    return reach[-1]


def any_of(values):
    return True if True in values else None if None in values else False


class Tree:
    """AND, OR and NOT over atoms."""

    def __init__(self, operator, children):
        self.operator, self.children = operator, children

    def sql(self):
        if self.operator == "NOT":
            return f"NOT ({self.children[0].sql()})"
        return "(" + f" {self.operator} ".join(child.sql() for child in self.children) + ")"

    def value(self, row):
        values = [child.value(row) for child in self.children]
        if self.operator == "NOT":
            return None if values[0] is None else not values[0]
        if self.operator == "OR":
            return any_of(values)
        return False if False in values else None if None in values else True


def build(chance, atoms, depth=0):
    if len(atoms) == 1:
        return atoms[0] if chance.random() < 0.85 else Tree("NOT", atoms)
    cut = chance.randint(1, len(atoms) - 1)
    # OR at the top and among many atoms, so that most predicates select some rows and not all.
    operator = "OR" if (depth % 2 == 0) == (len(atoms) < 5) else "AND"
    tree = Tree(operator, [build(chance, atoms[:cut], depth + 1), build(chance, atoms[cut:], depth + 1)])
    return tree if chance.random() < 0.9 else Tree("NOT", [tree])


def generate(chance):
    """Predicates in which each operator of each type occurs often enough: the grid is dealt out like cards."""
    grid = [(c, o) for c in every_type.COLUMNS for o in c.operators]
    decks = {pushable: [] for pushable in (True, False)}
    for predicate in range(PREDICATES):
        only_pushable = predicate % 20 < 11
        atoms = []
        for _ in range(chance.randint(1, 5) if only_pushable else chance.randint(9, 12)):
            deck = decks[only_pushable]
            if not deck:
                deck.extend((column, operator) for column, operator in grid if column.runs_there(operator) or not only_pushable)
                chance.shuffle(deck)
            atoms.append(Atom(chance, *deck.pop()))
        yield atoms, build(chance, atoms)


@pytest.fixture(scope="module")
def keys(postgres, database, weir, seed):
    with postgres.connect(database) as session:
        every_type.create(session, "every_type", ROWS, random.Random(seed))
        keys = every_type.read_keys(session, "every_type")
    # Both ways to read: in one request with parameters, as small tables are, and by COPY with literals in its text.
    weir.register(postgres, database, "small")
    weir.register(postgres, database, "by_copy", small_read_rows=0)
    return keys


def test_pushed_unpushed_and_psycopg_agree(weir, keys, seed):
    counts, lists_with_null, pushed, selective, copied = collections.Counter(), 0, 0, 0, 0
    for number, (atoms, predicate) in enumerate(generate(random.Random(seed + 1))):
        counts.update((a.column.name, a.operator) for a in atoms)
        lists_with_null += sum(a.operator in every_type.LISTS and None in a.operands for a in atoms)
        expected = sorted(row for row, values in keys.items() if predicate.value(values) is True)
        text = f"SELECT id FROM {('small', 'by_copy')[number % 2]}.public.every_type WHERE {predicate.sql()}"
        answer = weir.query(text)
        unpushed = weir.query("SET weir_pushdown = false; " + text)
        where = f"WEIR_SEED={seed}, predicate {number}: {text}\n{answer['pushdown_summary']}"
        assert sorted(r[0] for r in answer["rows"]) == expected, f"pushed differs from psycopg: {where}"
        assert sorted(r[0] for r in unpushed["rows"]) == expected, f"unpushed differs from psycopg: {where}"
        assert all(not scan["filters_pushed"] for scan in unpushed["pushdown_summary"]), where
        scans = answer["pushdown_summary"]
        if all(a.must_be_pushed() for a in atoms):
            assert all(not scan["filters_residual"] for scan in scans), f"not pushed whole: {where}"
        pushed += bool(scans) and any(s["filters_pushed"] and not s["filters_residual"] for s in scans)
        selective += 0 < len(expected) < ROWS
        remote = [s["remote_query"] or "" for s in scans]
        assert all(query.startswith("COPY") == (number % 2 == 1) for query in remote if query), where
        copied += any(query.startswith("COPY") for query in remote)
    print(f"{PREDICATES} predicates, {pushed} pushed whole, {selective} selective, {lists_with_null} lists with NULL, seed {seed}")
    assert lists_with_null >= 0.1 * PREDICATES
    assert min(counts[c.name, o] for c in every_type.COLUMNS for o in c.operators) >= LEAST_OF_EACH
    assert pushed >= 0.4 * PREDICATES
    assert selective >= 0.5 * PREDICATES
    assert copied >= 0.45 * PREDICATES

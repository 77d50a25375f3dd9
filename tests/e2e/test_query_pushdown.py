"""Whole queries, pushed, unpushed and by psycopg: generated aggregates, sorts, limits, joins and unions over a table with every type.

The seed is new at each run and printed; WEIR_SEED replays one. A query that differs is made smaller before it is shown."""

import copy
import dataclasses
import decimal
import random

import pytest

import every_type
from conftest import DEEP, SANITIZED

QUERIES = 20_000 if DEEP else 100 if SANITIZED else 1_000
ROWS = 200
CHILDREN = 600

GROUPED = ["c_bool", "c_int2", "c_int4", "c_int8", "c_oid", "c_numeric", "c_numeric38", "c_text", "c_text_c", "c_text_icu", "c_varchar", "c_name",
           "c_enum", "c_bytea", "c_date", "c_time", "c_timestamp", "c_timestamptz", "c_uuid", "c_domain"]
KEPT_HERE = ["c_float4", "c_float8", "c_text_blind", "c_char", "c_citext", "c_inet", "c_interval", "c_jsonb", "c_ints"]
SUMMED = ["c_int2", "c_int4", "c_int8", "c_oid", "c_numeric", "c_domain"]
EXTREMES = [name for name in GROUPED if name not in ("c_bool", "c_bytea", "c_uuid")]
SORTED = GROUPED + ["c_float4", "c_float8"]
TEXTS = ["c_text", "c_text_c", "c_text_icu", "c_varchar", "c_name", "c_enum"]
# What psycopg and our JSON can be compared by without a rule for each type.
PLAIN = ["c_int2", "c_int4", "c_int8", "c_oid", "c_numeric", "c_text", "c_text_c", "c_text_icu", "c_varchar", "c_name", "c_enum", "c_domain"]


@dataclasses.dataclass
class Question:
    """One SELECT. Its texts hold {t} for the catalog of a table and {c:…} for a text that is compared by its bytes."""

    outputs: list
    source: str = "{t}.every_type a"
    where: list = dataclasses.field(default_factory=list)
    keys: list = dataclasses.field(default_factory=list)
    having: list = dataclasses.field(default_factory=list)
    order: list = dataclasses.field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    distinct: bool = False
    union: str = ""
    union_all: bool = True
    plain: bool = True

    def sql(self, schema, collate):
        text = f"SELECT {'DISTINCT ' if self.distinct else ''}{', '.join(self.outputs)} FROM {self.source}"
        text += f" WHERE {' AND '.join(self.where)}" if self.where else ""
        text += f" GROUP BY {', '.join(self.keys)}" if self.keys else ""
        text += f" HAVING {' AND '.join(self.having)}" if self.having else ""
        text += f" UNION {'ALL ' if self.union_all else ''}{self.union}" if self.union else ""
        text += f" ORDER BY {', '.join(self.order)}" if self.order else ""
        text += f" LIMIT {self.limit}" if self.limit is not None else ""
        text += f" OFFSET {self.offset}" if self.offset else ""
        return text.replace("{t}", schema).replace("{C}", ' COLLATE "C"' if collate else "").replace("{text}", "::text" if collate else "")

    def smaller(self):
        """The same question with one thing less."""
        for name in ("where", "having", "outputs", "keys", "order"):
            # Any rows are the first ones without an order.
            for i in range(0 if name == "order" and self.limit is not None else len(getattr(self, name))):
                less = copy.deepcopy(self)
                del getattr(less, name)[i]
                if less.outputs:
                    yield less
        for name, value in (("limit", None), ("offset", 0), ("distinct", False), ("union", "")):
            if getattr(self, name) != value:
                yield dataclasses.replace(copy.deepcopy(self), **{name: value})


def by_bytes(name, alias="a"):
    """A column where its order matters."""
    return f"{alias}.{name}" + (("{text}" if name == "c_enum" else "") + "{C}" if name in TEXTS else "")


# Both SQLs read these alike; of infinite moments and years before 1 PostgreSQL has other parts.
COMPUTED_NUMBERS = ["{a}.c_numeric * 2", "{a}.c_numeric * (1 - {a}.c_domain)", "{a}.c_numeric + {a}.c_domain", "-{a}.c_numeric",
                    "abs({a}.c_numeric - 5)", "abs({a}.c_domain)", "{a}.c_numeric38 - {a}.c_numeric", "{a}.c_int2 * {a}.c_domain",
                    "CAST({a}.c_int4 AS bigint) + {a}.c_int2", "{a}.id * 3 - 7", "length({a}.c_text)", "length({a}.c_varchar)",
                    "coalesce({a}.c_int4, {a}.c_int2)", "coalesce({a}.c_numeric, 0)", "coalesce({a}.c_numeric, {a}.c_domain, 1)",
                    "CASE WHEN {a}.c_int4 > 0 THEN {a}.c_int2 WHEN {a}.c_text <> 'a' THEN 7 ELSE {a}.c_int4 END",
                    "CASE WHEN {a}.c_numeric <= 12.5 THEN {a}.c_numeric ELSE 0 END", "CASE WHEN {a}.id > 50 THEN 1 ELSE 0 END"]
COMPUTED_TEXTS = ["substring({a}.c_text, 1, 1)", "substring({a}.c_varchar, 2, 3)", "coalesce({a}.c_text{{C}}, {a}.c_varchar)",
                  "coalesce({a}.c_text_icu{{C}}, {a}.c_text_c, 'none')", "CASE WHEN {a}.c_int4 > 0 THEN {a}.c_text{{C}} ELSE {a}.c_varchar END"]
COMPUTED = ["year({a}.c_date)", "month({a}.c_date)", "quarter({a}.c_timestamp)", "extract(day FROM {a}.c_timestamp)", "year({a}.c_timestamp)",
            "hour({a}.c_timestamp)", "minute({a}.c_timestamp)", "date_trunc('month', {a}.c_timestamp)", "date_trunc('week', {a}.c_timestamp)",
            "date_trunc('minute', {a}.c_timestamp)", "coalesce({a}.c_date, DATE '2020-01-01')", "coalesce({a}.c_bool, {a}.c_int4 > 0)",
            "{a}.c_int4 > {a}.c_int2", "{a}.c_text LIKE 'a%'", "coalesce({a}.c_uuid, {a}.c_uuid)", "{a}.c_int4 * {a}.c_int2", "{a}.c_int8 + 1"]


def computed(chance, plain, alias="a"):
    return chance.choice(COMPUTED_NUMBERS + COMPUTED_TEXTS + ([] if plain else COMPUTED)).format(a=alias)


def condition(chance, columns, alias="a"):
    if chance.random() < 0.2:
        value = chance.choice(COMPUTED_NUMBERS + COMPUTED[:7]).format(a=alias)
        return chance.choice([f"{value} > {chance.randint(-5, 30)}", f"{value} IN (0, 1, 2, 3, 7, 12.5)", f"{value} IS NULL", f"{value} <> a.c_int4"])
    name = chance.choice(columns)
    column = next(c for c in every_type.COLUMNS if c.name == name)
    operator = chance.choice([o for o in column.operators if o in every_type.COMPARE + every_type.NULLS])
    if operator in every_type.NULLS:
        return f"{alias}.{column.name} {operator}"
    literal = every_type.duckdb_literal(column, chance.choice(list(column.keys)))
    if operator in ("=", "<>") and chance.random() < 0.2:
        operator = "IS NOT DISTINCT FROM" if operator == "=" else "IS DISTINCT FROM"
    return f"{by_bytes(column.name, alias)} {operator} {literal}"


def number_condition(chance, alias="a"):
    return chance.choice([f"{alias}.id > {chance.randint(0, 150)}", f"{alias}.id <= {chance.randint(20, 200)}", f"{alias}.c_int2 IS NOT NULL",
                          f"{alias}.c_int4 > 0", f"{alias}.c_numeric <= 12.5", f"{alias}.c_text <> 'a'", f"{alias}.c_varchar IS NULL"])


def tree(chance, atom, depth=4):
    """AND, OR and NOT over `atom`s, down to `depth`."""
    kind = chance.choice(["atom", "NOT", "AND", "OR", "AND", "OR"]) if depth > 0 else "atom"
    if kind == "atom":
        return atom()
    if kind == "NOT":
        return f"NOT ({tree(chance, atom, depth - 1)})"
    return "(" + f" {kind} ".join(tree(chance, atom, depth - 1) for _ in range(2)) + ")"


def conditions(chance, plain, alias="a"):
    if chance.random() < 0.2:
        return [tree(chance, lambda: number_condition(chance, alias) if plain else condition(chance, GROUPED + ["c_float4", "c_float8"], alias))]
    count = chance.choice([0, 1, 1, 2])
    return [number_condition(chance, alias) if plain or chance.random() < 0.5 else condition(chance, GROUPED + ["c_float8"], alias) for _ in range(count)]


def aggregate(chance, plain, alias="a"):
    kind = chance.choice(["count(*)", "count", "distinct", "sum", "min", "max", "filter", *([] if plain else ["avg"])])
    if kind == "avg":
        return f"avg({chance.choice(['', 'DISTINCT '])}{chance.choice([f'{alias}.{n}' for n in SUMMED] + [n.format(a=alias) for n in COMPUTED_NUMBERS])})"
    if kind == "count(*)":
        return kind
    if kind == "filter":
        return f"count(*) FILTER (WHERE {number_condition(chance, alias)})"
    if kind == "count":
        return f"count({alias}.{chance.choice(GROUPED + KEPT_HERE)})"
    if kind == "distinct" and chance.random() < 0.3:
        return f"count(DISTINCT {computed(chance, plain, alias)})"
    if kind == "distinct":
        return f"count(DISTINCT {alias}.{chance.choice(GROUPED)})"
    if kind in ("sum", "max") and chance.random() < 0.4:
        return f"{kind}({chance.choice(COMPUTED_NUMBERS).format(a=alias)})"
    if kind == "sum":
        return f"sum({alias}.{chance.choice([n for n in SUMMED if not plain or n != 'c_oid'])})"
    return f"{kind}({by_bytes(chance.choice([n for n in EXTREMES if not plain or n in PLAIN]), alias)})"


def grouped(chance, plain, source="{t}.every_type a", alias="a"):
    keys = [f"{alias}.{name}" for name in chance.sample([n for n in GROUPED if not plain or n in PLAIN], chance.choice([0, 1, 1, 2]))]
    if chance.random() < 0.3:
        keys.append(computed(chance, plain, alias))
    outputs = keys + [aggregate(chance, plain, alias) for _ in range(chance.randint(1, 3))]
    question = Question(outputs, source, conditions(chance, plain, alias), keys, plain=plain)
    if keys and chance.random() < 0.4:
        question.having = [chance.choice(["count(*) > 1", f"max({alias}.id) > 40", f"min({alias}.c_int4) < 100"])]
    return question


def sort_key(chance, name, alias="a"):
    return f"{by_bytes(name, alias)} {chance.choice(['ASC', 'DESC'])} NULLS {chance.choice(['FIRST', 'LAST'])}"


def topmost(chance, plain, source="{t}.every_type a", alias="a", last="a.id"):
    outputs = [last] + [f"{alias}.{name}" for name in chance.sample(PLAIN if plain else GROUPED + KEPT_HERE, 2)]
    if chance.random() < 0.3:
        outputs.append(computed(chance, plain, alias))
    order = [sort_key(chance, name, alias) for name in chance.sample(SORTED, chance.choice([0, 1, 2]))] + [last]
    return Question(outputs, source, conditions(chance, plain, alias), order=order, limit=chance.choice([0, 1, 3, 10, 500]),
                    offset=chance.choice([0, 0, 2]), plain=plain)


def joined(chance, plain):
    kind = chance.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
    on = chance.choice(["b.parent = a.id", "b.parent = a.c_int4", "b.parent = a.id AND b.amount > 10", "b.label = a.c_text", "b.parent = a.id AND b.label = a.c_varchar", "b.parent IS NOT DISTINCT FROM a.id",
                        "b.label IS NOT DISTINCT FROM a.c_text AND b.parent = a.id"])
    if kind == "FULL JOIN":
        on = "b.parent = a.id"
    source = f"{{t}}.every_type a {kind} {{t}}.child b ON {on}"
    if chance.random() < 0.5:
        question = grouped(chance, plain, source)
        question.outputs.append(chance.choice(["sum(b.amount)", "count(b.id)", "max(b.amount)", "count(DISTINCT b.label)"]))
        return question
    question = topmost(chance, plain, source)
    question.outputs += ["b.id", "b.amount"]
    question.order += ["b.id"]
    return question


def computed_below_a_join(chance, plain):
    """Behind an outer join, a value that was computed below it is NULL where nothing was joined."""
    value = chance.choice(["coalesce({0}.c_int4, 7)", "coalesce({0}.c_text{{C}}, 'none')", "1", "CASE WHEN {0}.c_int4 > 0 THEN 1 ELSE 0 END", "{0}.c_int4 IS NULL",
                           "{0}.c_numeric * 2", "length({0}.c_text)", "{0}.c_int4"]).format("x")
    side = f"(SELECT x.id AS k, {value} AS v FROM {{t}}.every_type x{chance.choice(['', ' WHERE x.id > 100'])})"
    kind = chance.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
    left, right = chance.choice([(f"{side} s", "{t}.child b"), ("{t}.child b", f"{side} s")])
    outputs = ["count(*)", "count(s.v)", "min(s.k)", "count(DISTINCT s.v)", "count(b.id)"]
    return Question(outputs, f"{left} {kind} {right} ON b.parent = s.k", keys=[], plain=plain)


def same_nulls(chance, plain):
    """Groups over outer joins, joined by IS NOT DISTINCT FROM: their NULLs meet."""
    def groups(alias):
        return (f"(SELECT b.{chance.choice(['id', 'parent'])} AS k, count(*) AS n FROM {{t}}.every_type a {chance.choice(['LEFT JOIN', 'FULL JOIN', 'JOIN'])} {{t}}.child b "
                f"ON b.parent = a.id GROUP BY 1) {alias}")
    return Question(["count(*)", "sum(g.n)"], f"{groups('g')} {chance.choice(['JOIN', 'LEFT JOIN'])} {groups('h')} ON g.k IS NOT DISTINCT FROM h.k", plain=plain)


def nested(chance, plain):
    inner = chance.choice(["SELECT b.parent FROM {t}.child b WHERE b.amount > 50", "SELECT b.parent FROM {t}.child b", "SELECT max(b.parent) FROM {t}.child b GROUP BY b.label"])
    question = grouped(chance, plain) if chance.random() < 0.5 else topmost(chance, plain)
    question.where.append(chance.choice([f"a.id IN ({inner})", "EXISTS (SELECT 1 FROM {t}.child b WHERE b.parent = a.id AND b.amount < 20)",
                                         "NOT EXISTS (SELECT 1 FROM {t}.child b WHERE b.parent = a.id)"]))
    return question


def not_in(chance, plain):
    """NULLs on either side, on both, on none; over no rows."""
    column, inner = chance.choice([("a.id", "b.parent"), ("a.c_int4", "b.parent"), ("a.c_int4", "b.id"), ("a.id", "b.id"), ("a.c_text", "b.label"), ("a.c_numeric", "b.amount"),
                                   ("a.c_int2", "CAST(b.parent AS bigint)")])
    where = chance.choice(["", " WHERE b.parent IS NOT NULL AND b.label IS NOT NULL AND b.amount IS NOT NULL", " WHERE b.amount > 90", " WHERE b.id < 0", " WHERE b.id = 7"])
    question = grouped(chance, plain) if chance.random() < 0.7 else topmost(chance, plain)
    question.where.append(chance.choice([f"{column} NOT IN (SELECT {inner} FROM {{t}}.child b{where})", f"{column} <> ALL (SELECT {inner} FROM {{t}}.child b{where})"]))
    return question


def with_scalar(chance, plain):
    """Scalar subqueries: of one row, by a key, of each group, of no rows."""
    where = chance.choice(["", " WHERE b.amount > 50", " WHERE b.id < 0"])
    value, column = chance.choice([("max(b.parent)", "a.id"), ("min(b.parent)", "a.c_int4"), ("count(*)", "a.id"), ("sum(b.amount)", "a.c_numeric"), ("min(b.amount)", "a.c_domain"),
                                   ("max(b.label{C})", "a.c_text{C}")])
    scalar = chance.choice([f"(SELECT {value} FROM {{t}}.child b{where})", f"(SELECT {value} FROM {{t}}.child b WHERE b.parent = a.id)",
                            f"(SELECT {value} FROM {{t}}.child b WHERE b.parent = a.c_int4 AND b.amount > 20)"])
    if value == "min(b.amount)" and chance.random() < 0.5:
        scalar = "(SELECT b.amount FROM {t}.child b WHERE b.id = a.id)"
    question = grouped(chance, plain) if chance.random() < 0.5 else topmost(chance, plain)
    if not question.keys and chance.random() < 0.4:
        question.outputs = ["a.id", scalar]
        question.order, question.having = ["a.id"], []
        question.limit, question.offset = 300, 0
    else:
        question.where.append(f"{column} {chance.choice(['<', '>=', '<>', '='])} {scalar}")
    return question


def few_keys(chance, plain):
    """Groups joined with the few rows that a filter leaves: only the keys that meet are grouped."""
    chosen = chance.choice(["a.c_text = 'a'", "a.c_varchar LIKE 'a%'", "a.id IN (3, 17, 40, 77, 120)", "a.c_int2 = 7 AND a.c_bool", "a.c_int4 > 0"])
    key = chance.choice(["parent", "parent", "label"])
    groups = f"(SELECT b.{key} AS k, count(*) AS n, sum(b.amount) AS s FROM {{t}}.child b{chance.choice(['', ' WHERE b.amount > 20'])} GROUP BY b.{key}{chance.choice(['', ' HAVING count(*) > 1'])}) g"
    on = f"g.k = a.{'c_text' if key == 'label' else 'id'}"
    kind = chance.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN"])
    if chance.random() < 0.3:
        there = chance.choice(["EXISTS", "NOT EXISTS"])
        return Question(["count(*)", "min(a.id)"], where=[chosen, f"{there} (SELECT 1 FROM {groups} WHERE {on})"], plain=plain)
    between = "JOIN {t}.child c ON c.parent = a.id" if chance.random() < 0.5 else ""
    filtered = f"(SELECT * FROM {{t}}.every_type a WHERE {chosen}) a" if chance.random() < 0.5 else "{t}.every_type a"
    return Question(["count(*)", "sum(g.n)", "sum(g.s)", "min(a.id)"], f"{filtered} {between} {kind} {groups} ON {on}",
                    where=[chosen] if "(SELECT" not in filtered else [], plain=plain)


def several(chance, plain):
    name = chance.choice(PLAIN if plain else GROUPED)
    if chance.random() < 0.5:
        return Question([f"a.{name}", "a.c_bool"][:chance.randint(1, 2) if not plain else 1], where=conditions(chance, plain), distinct=True, plain=plain)
    where = " AND ".join(conditions(chance, True, "b") or ["true"])
    if chance.random() < 0.5:
        return Question([f"a.{name}"], where=conditions(chance, plain), union=f"SELECT b.{name} FROM {{t}}.every_type b WHERE {where}", union_all=False, plain=plain)
    return Question(["a.id", f"a.{name}"], where=conditions(chance, plain), union=f"SELECT b.id, b.{name} FROM {{t}}.every_type b WHERE {where}", plain=plain)


def generate(chance):
    plain = chance.random() < 0.5
    return chance.choice([grouped, grouped, topmost, joined, joined, nested, several, computed_below_a_join, same_nulls, not_in, with_scalar, few_keys])(chance, plain)


@pytest.fixture(scope="module")
def tables(postgres, database, weir, seed):
    chance = random.Random(seed)
    with postgres.connect(database) as session:
        every_type.create(session, "every_type", ROWS, chance)
        every_type.read_keys(session, "every_type")
        session.execute("CREATE TABLE child (id int PRIMARY KEY, parent bigint, amount numeric(10,2), label text)")
        for i in range(CHILDREN):
            session.execute("INSERT INTO child VALUES (%s, %s, %s, %s)", [
                i, chance.choice([None, *range(ROWS + 20)]), chance.choice([None, decimal.Decimal(chance.randint(-100, 10_000)) / 100]),
                chance.choice([None, "a", "A", "b", "Zoe", "日本", ""])])
        session.execute("ANALYZE child")
    weir.register(postgres, database, "small")
    weir.register(postgres, database, "by_copy", small_read_rows=0)
    with postgres.connect(database) as session:
        yield session


def canonical(rows, ordered):
    texts = [tuple(None if value is None else str(value) for value in row) for row in rows]
    return texts if ordered else sorted(texts, key=repr)


def numbers(rows):
    """Rows whose numbers compare by value, and not by how they are written."""
    def value(one):
        if isinstance(one, bool) or one is None:
            return one
        try:
            return decimal.Decimal(str(one)).normalize() + 0
        except decimal.InvalidOperation:
            return str(one)
    return [[value(one) for one in row] for row in rows]


def is_overflow(answer):
    error = answer.json()["error"]
    return error["code"] in ("query_failed", "value_out_of_range") and any(
        words in error["message"] for words in ("verflow", "too large", "cannot hold numeric"))


def difference(weir, session, question, catalog):
    """Nothing, or what is wrong with the answers to the question."""
    text = question.sql(f"{catalog}.public", False)
    pushed, unpushed = weir.try_query(text), weir.try_query("SET weir_pushdown = false; " + text)
    if unpushed.status_code != 200 and is_overflow(unpushed):
        # The source computes no values of rows that it leaves out, and fails alike for those that it does not.
        return None if pushed.status_code == 200 or is_overflow(pushed) else f"pushed {pushed.text[:500]}, unpushed {unpushed.text[:500]}"
    if pushed.status_code != unpushed.status_code:
        return f"pushed {pushed.text[:500]}, unpushed {unpushed.text[:500]}"
    if pushed.status_code != 200:
        same = pushed.json()["error"]["code"] == unpushed.json()["error"]["code"]
        return None if same else f"pushed {pushed.text[:500]}, unpushed {unpushed.text[:500]}"
    ordered = bool(question.order)
    answers = [canonical(answer.json()["rows"], ordered) for answer in (pushed, unpushed)]
    if answers[0] != answers[1]:
        return f"pushed {answers[0][:20]}, unpushed {answers[1][:20]}"
    if question.plain:
        rows = session.execute(question.sql("public", True)).fetchall()
        theirs, ours = canonical(numbers(rows), ordered), canonical(numbers(pushed.json()["rows"]), ordered)
        if theirs != ours:
            return f"pushed {ours[:20]}, psycopg {theirs[:20]}"
    return None


def smallest(weir, session, question, catalog):
    """Takes things away while the answers differ."""
    shrunk = True
    while shrunk:
        shrunk = False
        for less in question.smaller():
            try:
                differs = difference(weir, session, less, catalog)
            except Exception:  # not a question any more for psycopg
                continue
            if differs:
                question, shrunk = less, True
                break
    return question


def test_pushed_unpushed_and_psycopg_agree(weir, tables, seed):
    pushed = empty = failed = 0
    for number in range(QUERIES):
        question = generate(random.Random(f"{seed}/{number}"))
        catalog = ("small", "by_copy")[number % 2]
        wrong = difference(weir, tables, question, catalog)
        if wrong:
            question = smallest(weir, tables, question, catalog)
            text = question.sql(f"{catalog}.public", False)
            summary = [s["remote_query"] for s in weir.try_query(text).json().get("pushdown_summary", [])]
            pytest.fail(f"WEIR_SEED={seed}, query {number}: {text}\n{difference(weir, tables, question, catalog) or wrong}\n{summary}")
        answer = weir.try_query(question.sql(f"{catalog}.public", False))
        failed += answer.status_code != 200
        if answer.status_code == 200:
            empty += not answer.json()["rows"]
            pushed += any(s["agg_pushed"] or s["sort_pushed"] or s["join_pushed"] for s in answer.json()["pushdown_summary"])
    print(f"{QUERIES} queries, {pushed} with an aggregate, a sort or a join pushed, {empty} empty, {failed} failed alike, seed {seed}")
    assert pushed >= 0.5 * QUERIES and empty <= 0.4 * QUERIES and failed <= 0.05 * QUERIES

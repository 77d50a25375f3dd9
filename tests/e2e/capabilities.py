"""What runs on PostgreSQL and what stays here, each with a query that shows it: `test_capabilities.py` asks the server's own log, and
docs/federation.md is made from this list (`python tests/e2e/capabilities.py`)."""

import dataclasses
import pathlib

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/federation.md"

TABLES = """
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, region text, nick text COLLATE blind, code char(5), credit numeric(12,2), score float8,
    born date, seen timestamptz, changed timestamp, small smallint, feeling mood, active boolean, doc jsonb);
INSERT INTO customers SELECT i, 'customer ' || i, (ARRAY['eu','us','asia',NULL])[i % 4 + 1], 'n' || i % 7, 'c' || i % 5, i * 1.25, i / 3.0, DATE '1970-01-01' + i,
    TIMESTAMPTZ '2024-01-01 00:00:00Z' + i * INTERVAL '1 hour', TIMESTAMP '2024-01-01' + i * INTERVAL '1 hour', i % 100, (ARRAY['sad','ok','happy'])[i % 3 + 1]::mood,
    i % 2 = 0, '{}' FROM generate_series(1, 300) i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, total numeric(12,2) NOT NULL, placed date NOT NULL);
INSERT INTO orders SELECT i, nullif(i % 350, 0), i * 0.5, DATE '2024-01-01' + i % 90 FROM generate_series(1, 2000) i;
ANALYZE;
"""


@dataclasses.dataclass
class Capability:
    """`logged`: what the server's log shows of it. `reason`: why it stays here, as the summary says it. One of the two."""

    name: str
    sql: str
    logged: str = ""
    reason: str = ""


def runs_there(name, sql, logged):
    return Capability(name, sql, logged=logged)


def stays_here(name, sql, reason):
    return Capability(name, sql, reason=reason)


C, O = "pg.public.customers", "pg.public.orders"
GROUPS = {
    "Conditions": [
        runs_there("comparisons with a constant", f"SELECT id FROM {C} WHERE credit >= 100", '"credit" >= '),
        runs_there("columns with each other", f"SELECT id FROM {C} WHERE id > small", '"id" > "small"'),
        runs_there("BETWEEN", f"SELECT id FROM {C} WHERE credit BETWEEN 10 AND 20", '"credit" <= '),
        runs_there("IN, also with NULL", f"SELECT id FROM {C} WHERE id IN (1, 2, NULL)", '"id" = ANY'),
        runs_there("NOT IN a list", f"SELECT id FROM {C} WHERE id NOT IN (1, 2, 5)", '"id" <> ALL'),
        runs_there("IS NULL, of every type", f"SELECT id FROM {C} WHERE doc IS NULL", '"doc" IS NOT DISTINCT FROM NULL'),
        runs_there("IS DISTINCT FROM", f"SELECT id FROM {C} WHERE region IS DISTINCT FROM 'eu'", '"region" IS DISTINCT FROM'),
        runs_there("AND, OR and NOT, as trees", f"SELECT id FROM {C} WHERE NOT (id < 5 OR (region = 'eu' AND small > 3))", "AND"),
        runs_there("equality of text", f"SELECT id FROM {C} WHERE region = 'eu'", '"region" = '),
        runs_there("order of text, by its bytes", f"SELECT id FROM {C} WHERE region > 'c'", '"region" COLLATE "C" > '),
        runs_there("enums, by their labels", f"SELECT id FROM {C} WHERE feeling = 'ok'", '"feeling"::text = '),
        runs_there("LIKE", f"SELECT id FROM {C} WHERE name LIKE 'cust_mer 1%'", "ESCAPE ''"),
        runs_there("starts_with, ends_with, contains", f"SELECT id FROM {C} WHERE starts_with(name, 'customer 1')", "LIKE"),
        runs_there("a date beside midnight", f"SELECT id FROM {C} WHERE born < DATE '1970-03-01' + INTERVAL '1' MONTH", '"born" < '),
        runs_there("computed values that cannot fail", f"SELECT id FROM {C} WHERE length(name) = 10 AND credit * 2 > 50", 'length("name")::int8 = '),
        stays_here("computed values that can fail", f"SELECT id FROM {C} WHERE id + small > 50", "can fail"),
        stays_here("text under a nondeterministic collation", f"SELECT id FROM {C} WHERE nick = 'N1'", "nondeterministic collation"),
        stays_here("char(n)", f"SELECT id FROM {C} WHERE code = 'c1'", "nondeterministic collation"),
        stays_here("ILIKE", f"SELECT id FROM {C} WHERE name ILIKE 'CUST%1'", "is not pushed yet"),
        stays_here("regular expressions", f"SELECT id FROM {C} WHERE regexp_matches(name, '1|3')", "is not pushed yet"),
        stays_here("lower, upper", f"SELECT id FROM {C} WHERE upper(region) = 'EU'", "function upper is not pushed yet"),
        stays_here("division and modulo", f"SELECT id FROM {C} WHERE id % 7 = 3", "function % is not pushed yet"),
        stays_here("json", f"SELECT id FROM {C} WHERE doc = '{{}}'", "is carried as text"),
    ],
    "Values in outputs, groups, orders and aggregates": [
        runs_there("arithmetic of integers and decimals", f"SELECT sum(credit * (1 - small)) FROM {C}", "sum((t1."),
        runs_there("CASE", f"SELECT sum(CASE WHEN active THEN credit ELSE 0 END) FROM {C}", "sum((CASE WHEN"),
        runs_there("coalesce", f"SELECT coalesce(region, 'none') AS r, count(*) FROM {C} GROUP BY r", "coalesce(t1."),
        runs_there("length, substring", f"SELECT substring(name, 1, 3) AS s, max(length(name)) FROM {C} GROUP BY s", "substring(t1."),
        runs_there("year, quarter, month, day, hour, minute", f"SELECT year(born) AS y, count(*) FROM {C} GROUP BY y", "extract(year FROM"),
        runs_there("date_trunc", f"SELECT date_trunc('month', changed) AS m, count(*) FROM {C} GROUP BY m", "date_trunc('month'"),
        stays_here("arithmetic of floats", f"SELECT max(score * 2) FROM {C}", "* of float64 is not proven equal"),
        stays_here("parts of timestamptz", f"SELECT year(seen) AS y, count(*) FROM {C} GROUP BY y", "year of timestamptz is not proven equal"),
    ],
    "Aggregates": [
        runs_there("COUNT(*)", f"SELECT count(*) FROM {C}", "count(*)"),
        runs_there("COUNT of values, also DISTINCT", f"SELECT count(region), count(DISTINCT region) FROM {C}", "count(DISTINCT"),
        runs_there("SUM of integers, without overflow", f"SELECT sum(small) FROM {C}", "::int8)"),
        runs_there("SUM of decimals", f"SELECT sum(credit) FROM {C}", 'sum(t1."credit")'),
        runs_there("AVG of integers and decimals, divided here", f"SELECT avg(credit) FROM {C}", 'count(t1."credit")'),
        runs_there("MIN and MAX", f"SELECT min(credit), max(born) FROM {C}", 'max(t1."born")'),
        runs_there("MIN and MAX of text, by its bytes", f"SELECT min(region) FROM {C}", 'min(t1."region" COLLATE "C")'),
        runs_there("FILTER", f"SELECT count(*) FILTER (WHERE active) FROM {C}", "FILTER (WHERE"),
        runs_there("GROUP BY", f"SELECT region, count(*) FROM {C} GROUP BY region", "GROUP BY"),
        runs_there("HAVING", f"SELECT region, count(*) FROM {C} GROUP BY region HAVING count(*) > 10", "HAVING"),
        runs_there("DISTINCT", f"SELECT DISTINCT region FROM {C}", "SELECT DISTINCT"),
        runs_there("below window functions", f"SELECT region, sum(credit) AS s, rank() OVER (ORDER BY sum(credit)) FROM {C} GROUP BY region", "GROUP BY"),
        stays_here("SUM and AVG of floats: they depend on the order", f"SELECT sum(score) FROM {C}", "SUM on float64 column score is not proven equal"),
        stays_here("grouping by floats: -0 equals 0", f"SELECT score, count(*) FROM {C} GROUP BY score", "grouping on float64"),
        stays_here("other aggregates", f"SELECT string_agg(region, ',') FROM {C}", "string_agg: the aggregate is not pushed"),
        stays_here("grouping sets", f"SELECT region, active, count(*) FROM {C} GROUP BY ROLLUP (region, active)", "grouping sets are not pushed"),
        stays_here("MIN of booleans and bytes", f"SELECT min(active) FROM {C}", "MIN and MAX on boolean"),
    ],
    "Order and limit": [
        runs_there("LIMIT", f"SELECT id FROM {C} LIMIT 5", "LIMIT 5"),
        runs_there("OFFSET", f"SELECT id FROM {C} LIMIT 5 OFFSET 3", "OFFSET 3"),
        runs_there("ORDER BY with LIMIT", f"SELECT id FROM {C} ORDER BY credit DESC, id LIMIT 5", "ORDER BY"),
        runs_there("the place of NULL", f"SELECT id FROM {C} ORDER BY region NULLS FIRST, id LIMIT 5", "NULLS FIRST"),
        runs_there("of groups", f"SELECT region, sum(credit) AS s FROM {C} GROUP BY region ORDER BY s DESC LIMIT 2", "ORDER BY sum("),
        stays_here("ORDER BY without LIMIT", f"SELECT id FROM {C} ORDER BY credit", "ORDER BY is pushed with a LIMIT only"),
        stays_here("LIMIT above a condition that stays here", f"SELECT id FROM {C} WHERE lower(name) LIKE 'c%' LIMIT 5", "LIMIT stays above filters that stay here"),
    ],
    "Joins of one source": [
        runs_there("inner, with an aggregate above", f"SELECT c.region, sum(o.total) FROM {C} c JOIN {O} o ON o.customer_id = c.id GROUP BY c.region", " JOIN "),
        runs_there("left", f"SELECT c.region, count(o.id) FROM {C} c LEFT JOIN {O} o ON o.customer_id = c.id GROUP BY c.region", " LEFT JOIN "),
        runs_there("right", f"SELECT c.region, count(o.id) FROM {C} c RIGHT JOIN {O} o ON o.customer_id = c.id GROUP BY c.region", "JOIN "),
        runs_there("full", f"SELECT count(c.id), count(o.id) FROM {C} c FULL JOIN {O} o ON o.customer_id = c.id", " FULL JOIN "),
        runs_there("of a primary key, without an aggregate", f"SELECT o.id, c.name FROM {O} o JOIN {C} c ON o.customer_id = c.id", " JOIN "),
        runs_there("with itself", f"SELECT count(*) FROM {C} a JOIN {C} b ON a.id = b.small", " JOIN "),
        runs_there("by inequalities, with an aggregate above", f"SELECT count(*) FROM {C} a JOIN {C} b ON a.id < b.small", "<"),
        runs_there("cross product, with an aggregate above", f"SELECT count(*) FROM {C} a CROSS JOIN {C} b WHERE a.small < 3", "ON true"),
        runs_there("IN and EXISTS over a subquery", f"SELECT id FROM {C} c WHERE EXISTS (SELECT 1 FROM {O} o WHERE o.customer_id = c.id AND o.total > 900)", "EXISTS (SELECT"),
        runs_there("NOT EXISTS", f"SELECT id FROM {C} c WHERE NOT EXISTS (SELECT 1 FROM {O} o WHERE o.customer_id = c.id)", "NOT EXISTS (SELECT"),
        runs_there("correlated subqueries", f"SELECT count(*) FROM {C} c WHERE c.credit < (SELECT max(o.total) FROM {O} o WHERE o.customer_id = c.id)", "max("),
        runs_there("UNION ALL", f"SELECT id FROM {C} WHERE id < 9 UNION ALL SELECT id FROM {O} WHERE id < 9", "UNION ALL"),
        stays_here("that may give more rows than its tables have", f"SELECT a.id, b.id FROM {C} a JOIN {C} b ON a.small = b.small", "may give more rows than its tables have"),
        runs_there("NOT IN over a subquery, where NULLs may be", f"SELECT count(*) FROM {C} WHERE id NOT IN (SELECT customer_id FROM {O})", "IS NULL)"),
        runs_there("scalar subqueries", f"SELECT count(*) FROM {C} WHERE credit > (SELECT min(total) FROM {O})", "min("),
        runs_there("groups, of the keys that a filter of the other side leaves", f"SELECT c.name, o.s FROM {C} c JOIN (SELECT customer_id, sum(total) AS s FROM {O} GROUP BY customer_id) o ON o.customer_id = c.id WHERE c.region = 'eu'",
                   'WHERE EXISTS (SELECT FROM (SELECT'),
        stays_here("scalar subqueries that may give more than one row", f"SELECT c.id, (SELECT o.total FROM {O} o WHERE o.customer_id = c.id AND o.id < 9) FROM {C} c", "a scalar subquery may give more than one row"),
        stays_here("IN over a subquery, as a value", f"SELECT id, id IN (SELECT customer_id FROM {O}) FROM {C}", "IN as a value is not pushed"),
        stays_here("ASOF, positional and lateral joins", f"SELECT count(*) FROM {C} c ASOF JOIN {O} o ON c.born >= o.placed", "ASOF JOIN is not pushed"),
        runs_there("keys of what a join with another source reads first", f"SELECT count(DISTINCT o.total) FROM {O} o JOIN picks p ON p.id = o.customer_id", '"customer_id" = '),
        runs_there("groups of rows that meet those of another source", f"SELECT p.id, sum(o.total) FROM {O} o JOIN picks p ON p.id = o.customer_id GROUP BY 1", 'GROUP BY t1."customer_id"'),
        stays_here("of several sources", f"SELECT count(*) FROM {C} c JOIN picks p ON p.id = c.id", "cross-source join"),
        runs_there("UNION", f"SELECT id FROM {C} WHERE id < 9 UNION SELECT customer_id FROM {O} WHERE id < 9", "SELECT DISTINCT"),
        stays_here("EXCEPT, INTERSECT", f"SELECT id FROM {C} EXCEPT SELECT id FROM {O}", "is not pushed"),
        stays_here("window functions", f"SELECT id, rank() OVER (ORDER BY credit) FROM {C}", "window functions are never pushed"),
    ],
}

INTRODUCTION = """# What runs on the source

A query over registered sources is one query: parts that give provably the same answer there run on the source, the rest here, and
`pushdown_summary` says which was which. `EXPLAIN` shows the same before anything runs; `SET weir_pushdown = false` keeps everything here.

```sql
SELECT u.region, count(*) FROM pg_prod.public.users u GROUP BY u.region;
```

```json
{"source": "pg_prod", "table": "public.users", "agg_pushed": ["COUNT(*)", "GROUP BY region"], "rows_returned": 3}
```

- What is not proven stays here, and `residual_reasons` names it. An operator that stays here keeps everything above it here.
- All parts of one query on one source read one snapshot of it.
- A join is sent only when an aggregate or a limit stands above it, or a key says that it gives no more rows than its tables have.
- A join with another source runs here, and the rows of its smaller side are read first: their keys go to the source as a list, or as their range
  (`SET weir_dynamic_filter = off` keeps them here). They stand among the `filters_pushed`. A list is sent when it leaves so few rows that it costs
  less than it saves, by what the source has counted (`pg_stats`: different values, their order; an index), and up to 20,000 rows of the other side;
  where it is not, `residual_reasons` says how many rows it would have left. Keys of groups are asked for before the rows are grouped.
- The groups of one side of a join are made for the keys that a filter of its other side leaves, where that filter is a constant, a list or a pattern.
- Text is compared and sorted by its bytes, as DuckDB does, whatever the collation of the column is.
- A value that can fail (an integer too large for its type) is computed on the source for the rows that the query asks for; in conditions it stays
  here, because the source may ask it of rows that another condition would have left out.

## Limits

The group `limits` of a connector (`queries_max`, `rows_max`, `mb_max`, `seconds_max`; see [connectors/postgres.md](connectors/postgres.md)) says what one
query may ask of its source: all of its scans together. Beyond a limit the query fails with `source_limit_exceeded`; a query with `"partial": true` ends there,
with what had come, `"partial": true` and a warning in its answer. What a statement keeps in the lake is never a part. Rows that a join or an aggregate
of the source uses up do not count: only what it sends.

The table is made from the list that `tests/e2e/test_capabilities.py` checks against PostgreSQL's own log. How each condition is written, and why it
agrees, is in [TYPES.md](../src/connectors/postgres/TYPES.md).
"""


def document():
    lines = [INTRODUCTION]
    for group, capabilities in GROUPS.items():
        lines.append(f"## {group}\n\n| | PostgreSQL | example |\n|---|---|---|")
        for capability in capabilities:
            example = capability.sql.replace("pg.public.", "").replace("|", "\\|")
            lines.append(f"| {capability.name} | {'there' if capability.logged else 'here'} | `{example}` |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(document())

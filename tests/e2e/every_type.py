"""A PostgreSQL table with a column of every type, its boundary values, and how an independent reader compares them."""

import dataclasses
import decimal

COMPARE = ["=", "<>", "<", "<=", ">", ">="]
LISTS = ["IN", "NOT IN"]
NULLS = ["IS NULL", "IS NOT NULL"]
PATTERNS = ["LIKE", "NOT LIKE"]
ORDERED = COMPARE + LISTS + NULLS + ["BETWEEN"]
TEXTUAL = ORDERED + PATTERNS
SETUP = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'Zen');
CREATE DOMAIN quantity AS integer CHECK (value > -1000);
CREATE TYPE pair AS (left_part integer, right_part text);
"""


@dataclasses.dataclass
class Column:
    """`values` are PostgreSQL literals; `literal` makes DuckDB's from the server's text form of a value."""

    name: str
    type: str
    values: list
    operators: list
    literal: str = "'{}'"
    key: str = "{}::text"  # SQL whose Python value sorts and compares as DuckDB compares the column
    compared: bool = True  # the source is trusted to compare it; NULL tests run there for every column
    keys: dict = dataclasses.field(default_factory=dict)  # text form → key

    def runs_there(self, operator):
        """Whether a condition with this operator must be pushed."""
        return operator in NULLS or self.compared


NUMBER = "{}::text::numeric"
TEXTS = ["''", "'a'", "'A'", "'b'", "'Zoe'", "'zoe'", "'100%_x'", "'Émile'", "'émile'", "'e\u0301mile'", "'straße'", "'STRASSE'",
         "' lead'", "'trail '", "'日本'", "'a''b'", "E'back\\\\slash'", "E'tab\\there'", "'İ'", "'ı'"]
EPOCH = "extract(epoch from {}) * 1000000"

COLUMNS = [
    Column("c_bool", "boolean", ["true", "false"], COMPARE + LISTS + NULLS, "{}", "({}::int)"),
    Column("c_int2", "smallint", ["-32768", "32767", "0", "-1", "7"], ORDERED, "{}", NUMBER),
    Column("c_int4", "integer", ["-2147483648", "2147483647", "0", "42", "-7"], ORDERED, "{}", NUMBER),
    Column("c_int8", "bigint", ["-9223372036854775808", "9223372036854775807", "0", "42", "1000000007"], ORDERED, "{}", NUMBER),
    Column("c_oid", "oid", ["0", "4294967295", "2147483648", "17"], ORDERED, "{}", NUMBER),
    Column("c_float4", "real", ["'NaN'", "'-0'", "0", "1.5", "'Infinity'", "'-Infinity'", "3.4028235e38", "1e-45", "0.1"], ORDERED, "'{}'::FLOAT", "{}::float8"),
    Column("c_float8", "double precision", ["'NaN'", "'-0'", "0", "1.5", "'Infinity'", "'-Infinity'", "1.7976931348623157e308", "5e-324", "0.1"], ORDERED, "'{}'::DOUBLE", "{}"),
    Column("c_numeric", "numeric(12,2)", ["0", "-0.01", "9999999999.99", "-9999999999.99", "12.50"], ORDERED, "{}", NUMBER),
    Column("c_numeric38", "numeric(38,10)", ["0", "0.0000000001", "9999999999999999999999999999.9999999999", "-1.5"], ORDERED, "{}", NUMBER),
    Column("c_numeric_free", "numeric", ["0", "3.14", "-100000.000001", "12345678901234567890"], ORDERED, "{}", NUMBER),
    Column("c_text", "text", TEXTS, TEXTUAL),
    Column("c_text_c", 'text COLLATE "C"', TEXTS, TEXTUAL),
    Column("c_text_icu", 'text COLLATE "en-x-icu"', TEXTS, TEXTUAL),
    Column("c_text_blind", "text COLLATE blind", TEXTS, TEXTUAL),
    Column("c_varchar", "varchar(20)", TEXTS, TEXTUAL),
    Column("c_name", "name", ["'users'", "'Users'", "'a'"], TEXTUAL),
    Column("c_char", "char(5)", ["'ab'", "'ab   '", "'abcde'", "'é'", "''"], TEXTUAL, key="rpad({}::text, 5)"),
    Column("c_citext", "citext", ["'Ada'", "'ADA'", "'bob'", "''"], TEXTUAL),
    Column("c_enum", "mood", ["'sad'", "'ok'", "'happy'", "'Zen'"], TEXTUAL),
    Column("c_bytea", "bytea", ["'\\x'", "'\\x00'", "'\\x00ff'", "'\\xdeadbeef'"], ORDERED, "from_hex('{}')", "{}"),
    Column("c_date", "date", ["'2024-02-29'", "'1970-01-01'", "'0044-03-15 BC'", "'9999-12-31'", "'infinity'", "'-infinity'", "'5874897-12-31'"], ORDERED, "DATE '{}'", EPOCH),
    Column("c_time", "time", ["'00:00'", "'23:59:59.999999'", "'12:34:56.000001'", "'24:00'"], ORDERED, "TIME '{}'", EPOCH),
    Column("c_timestamp", "timestamp", ["'2024-02-29 12:00:00.123456'", "'1969-12-31 23:59:59.999999'", "'0044-03-15 01:02:03 BC'", "'infinity'", "'-infinity'", "'9999-12-31 23:59:59.999999'"], ORDERED, "TIMESTAMP '{}'", EPOCH),
    Column("c_timestamptz", "timestamptz", ["'2024-02-29 12:00:00.123456+05:30'", "'1970-01-01 00:00:00Z'", "'0044-03-15 01:02:03Z BC'", "'infinity'", "'-infinity'"], ORDERED, "TIMESTAMPTZ '{}'", EPOCH),
    Column("c_uuid", "uuid", ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'7fffffff-0000-0000-0000-000000000001'", "'80000000-0000-0000-0000-000000000001'"], ORDERED, "'{}'::UUID"),
    Column("c_domain", "quantity", ["-999", "0", "42"], ORDERED, "{}", NUMBER),
    Column("c_timetz", "timetz", ["'12:00:00+02'", "'00:00:00-11:30'"], TEXTUAL),
    Column("c_range", "int4range", ["'[1,5)'", "'empty'", "'(,3)'"], TEXTUAL),
    Column("c_inet", "inet", ["'10.0.0.1'", "'10.0.0.0/8'", "'::1'"], TEXTUAL),
    Column("c_money", "money", ["'12.34'", "'-0.01'"], TEXTUAL),
    Column("c_bit", "bit(8)", ["B'00000001'", "B'11111111'"], TEXTUAL),
    Column("c_varbit", "varbit", ["B'1'", "B''", "B'10101'"], TEXTUAL),
    Column("c_pair", "pair", ["row(1,'x')", "row(null,'a,b')"], TEXTUAL),
    Column("c_hstore", "hstore", ["'a=>1'", "'\"x y\"=>NULL'"], TEXTUAL),
    Column("c_interval", "interval", ["'1 month'", "'-1 day 2 hours'", "'1 year 2 months 3 days 04:05:06.000007'"], NULLS),
    Column("c_json", "json", ["'{\"a\": [1, null]}'", "'1'"], NULLS),
    Column("c_jsonb", "jsonb", ["'{\"a\": [1, null]}'", "'\"x\"'"], NULLS),
    Column("c_ints", "integer[]", ["'{1,NULL,3}'", "'{}'"], NULLS),
    Column("c_texts", "text[]", ["'{a,NULL,\"b,c\"}'", "'{}'"], NULLS),
]
for _column in COLUMNS:
    _column.compared = _column.name not in {"c_text_blind", "c_char", "c_citext", "c_timetz", "c_range", "c_inet", "c_money", "c_bit",
                                            "c_varbit", "c_pair", "c_hstore"}


def create(session, table, rows, chance):
    """Makes and fills the table; every value of every column occurs, a tenth is NULL."""
    session.execute(SETUP)
    session.execute(f"CREATE TABLE {table} (id bigint PRIMARY KEY, " + ", ".join(f"{c.name} {c.type}" for c in COLUMNS) + ")")
    for row in range(rows):
        values = ["NULL" if chance.random() < 0.1 else f"({column.values[row % len(column.values)] if row < 20 else chance.choice(column.values)})::{column.type.split(' COLLATE')[0]}"
                  for column in COLUMNS]
        session.execute(f"INSERT INTO {table} VALUES ({row}, {', '.join(values)})")
    session.execute(f"ANALYZE {table}")


def sort_key(value):
    """Python values that compare as DuckDB compares: text and bytes by bytes, NaN above everything."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, float):
        return (1, 0.0) if value != value else (0, value)
    if isinstance(value, decimal.Decimal):
        return value
    return bytes(value) if isinstance(value, memoryview) else value


def read_keys(session, table):
    """{id: {column: key}} as psycopg reads them, and the text form and key of every boundary value."""
    keys = ", ".join(f"({c.key.format(c.name)})" for c in COLUMNS)
    found = {}
    for row in session.execute(f"SELECT id, {keys} FROM {table}"):
        found[row[0]] = {c.name: sort_key(v) for c, v in zip(COLUMNS, row[1:])}
    for column in COLUMNS:
        base = column.type.split(" COLLATE")[0]
        for value in column.values:
            cast = f"(({value})::{base})"
            form = f"encode({cast}, 'hex')" if base == "bytea" else f"rpad({cast}::text, 5)" if base.startswith("char(") else f"{cast}::text"
            text, key = session.execute(f"SELECT {form}, {column.key.format(cast)}").fetchone()
            column.keys[text] = sort_key(key)
    return found


def duckdb_literal(column, text):
    if column.name in {"c_date", "c_timestamp", "c_timestamptz"} and text.endswith(" BC"):
        date, _, time = text[: -len(" BC")].partition(" ")
        text = f"{date} (BC) {time}".rstrip()
    return column.literal.format(text.replace("'", "''"))

"""TPC-H: its tables, its 22 queries, and how they come into PostgreSQL."""

import pathlib
import subprocess
import sys

import psycopg

QUERIES = sorted((pathlib.Path(__file__).parent / "tpch_queries").glob("q*.sql"))
TABLES = {
    "region": "r_regionkey integer not null, r_name text not null, r_comment text not null",
    "nation": "n_nationkey integer not null, n_name text not null, n_regionkey integer not null, n_comment text not null",
    "supplier": """s_suppkey bigint not null, s_name text not null, s_address text not null, s_nationkey integer not null, s_phone text not null,
        s_acctbal numeric(15,2) not null, s_comment text not null""",
    "part": """p_partkey bigint not null, p_name text not null, p_mfgr text not null, p_brand text not null, p_type text not null, p_size integer not null,
        p_container text not null, p_retailprice numeric(15,2) not null, p_comment text not null""",
    "partsupp": """ps_partkey bigint not null, ps_suppkey bigint not null, ps_availqty integer not null, ps_supplycost numeric(15,2) not null,
        ps_comment text not null""",
    "customer": """c_custkey bigint not null, c_name text not null, c_address text not null, c_nationkey integer not null, c_phone text not null,
        c_acctbal numeric(15,2) not null, c_mktsegment text not null, c_comment text not null""",
    "orders": """o_orderkey bigint not null, o_custkey bigint not null, o_orderstatus text not null, o_totalprice numeric(15,2) not null,
        o_orderdate date not null, o_orderpriority text not null, o_clerk text not null, o_shippriority integer not null, o_comment text not null""",
    "lineitem": """l_orderkey bigint not null, l_partkey bigint not null, l_suppkey bigint not null, l_linenumber integer not null,
        l_quantity numeric(15,2) not null, l_extendedprice numeric(15,2) not null, l_discount numeric(15,2) not null, l_tax numeric(15,2) not null,
        l_returnflag text not null, l_linestatus text not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null,
        l_shipinstruct text not null, l_shipmode text not null, l_comment text not null""",
}
KEYS = {"region": "r_regionkey", "nation": "n_nationkey", "supplier": "s_suppkey", "part": "p_partkey", "partsupp": "ps_partkey, ps_suppkey",
        "customer": "c_custkey", "orders": "o_orderkey", "lineitem": "l_orderkey, l_linenumber"}
# As in dss.ri, which comes with TPC-H; each gets an index, as TPC-H allows and as such columns have where programs work with the tables.
FOREIGN_KEYS = {"nation": [("n_regionkey", "region")], "supplier": [("s_nationkey", "nation")], "customer": [("c_nationkey", "nation")],
                "partsupp": [("ps_partkey", "part"), ("ps_suppkey", "supplier")], "orders": [("o_custkey", "customer")],
                "lineitem": [("l_orderkey", "orders"), ("l_partkey, l_suppkey", "partsupp")]}


def generate(scale, folder, tables=TABLES):
    """Writes one CSV file per table."""
    generator = pathlib.Path(sys.executable).with_name("tpchgen-cli")
    subprocess.run([generator, "csv", "-s", str(scale), "-T", ",".join(tables), "-o", folder], check=True)


def load(url, folder, tables=TABLES):
    """The tables with their keys, in the database of `url`."""
    with psycopg.connect(url, autocommit=True) as session:
        for table in tables:
            session.execute(f"CREATE TABLE {table} ({TABLES[table]})")
            with session.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv, HEADER)") as copy, open(folder / f"{table}.csv", "rb") as file:
                while piece := file.read(1 << 20):
                    copy.write(piece)
            session.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({KEYS[table]})")
        for table in tables:
            for columns, other in FOREIGN_KEYS.get(table, []):
                session.execute(f"ALTER TABLE {table} ADD FOREIGN KEY ({columns}) REFERENCES {other}")
                if not KEYS[table].startswith(columns):
                    session.execute(f"CREATE INDEX ON {table} ({columns})")
        session.execute("VACUUM (FREEZE, ANALYZE)")


def query(path, names):
    """The text of a query with `names` for its tables."""
    return path.read_text().format(**names)

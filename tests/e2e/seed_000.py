"""The shop of seed 000: its tables, and how it registers them."""

import json


def make_tables(session):
    session.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text, region text)")
    session.execute("INSERT INTO users SELECT i, 'user' || i || '@example.com', (ARRAY['eu','us','apac'])[i % 3 + 1] FROM generate_series(1, 1000) i")
    session.execute("CREATE SCHEMA billing")
    session.execute("CREATE TABLE billing.invoices (id bigint PRIMARY KEY, amount numeric(12,2))")
    session.execute("INSERT INTO billing.invoices VALUES (1, 12.50), (2, NULL)")
    session.execute("ANALYZE")


def register(weir, postgres, database, mode):
    """The JSON as the seed has it, hosts aside; answers the id."""
    body = json.loads(f"""{{
        "name": "pg_prod",
        "type": "postgres",
        "mode": "{mode}",
        "connection": {{
            "url": "{postgres.database_url(database, password=False)}",
            "secret_ref": "$env:PG_PROD_PASSWORD",
            "tls": "required",
            "pool_size": 10
        }},
        "scope": {{ "include_schemas": ["public", "billing"] }},
        "sync": {{ "tables": ["public.users", "billing.invoices"] }}
    }}""")
    answer = weir.post("/v1/connectors", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]

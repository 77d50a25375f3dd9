"""The shop of seed 000: its tables, and how it registers them."""

import json

MAKE_LOGS = """CREATE TABLE otel_logs AS SELECT i % 10 AS user_id, CASE WHEN i % 4 = 0 THEN 'ERROR' ELSE 'INFO' END AS severity_text,
               now() - INTERVAL (i) SECOND AS _timestamp FROM range(1, 401) t(i)"""
JOIN = """
    SELECT u.email, COUNT(*) AS errors
    FROM pg_prod.public.users u
    JOIN otel_logs l ON l.user_id = u.id
    WHERE l.severity_text = 'ERROR'
    AND l._timestamp > now() - INTERVAL '1 hour'
    GROUP BY u.email
    ORDER BY errors DESC, u.email
    LIMIT 5"""
JOINED = [[f"user{i}@example.com", 20] for i in (2, 4, 6, 8)]


def make_tables(session):
    session.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text, region text)")
    session.execute("INSERT INTO users SELECT i, 'user' || i || '@example.com', (ARRAY['eu','us','apac'])[i % 3 + 1] FROM generate_series(1, 1000) i")
    session.execute("CREATE SCHEMA billing")
    session.execute("CREATE TABLE billing.invoices (id bigint PRIMARY KEY, amount numeric(12,2))")
    session.execute("INSERT INTO billing.invoices VALUES (1, 12.50), (2, NULL)")
    session.execute("ANALYZE")


def register(weir, postgres, database, mode, **sync):
    """The JSON as the seed has it, hosts and `sync` aside; answers the id."""
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
    body["sync"].update(sync)
    answer = weir.post("/v1/connectors", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]

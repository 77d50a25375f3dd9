"""Seed 000 for PostgreSQL in mode federation, as typed: names and hosts aside."""

import pytest
import seed_000

from conftest import wait_until


@pytest.fixture(scope="module")
def seed(postgres, database, weir):
    with postgres.connect(database) as session:
        seed_000.make_tables(session)
        session.execute("CREATE SCHEMA hidden; CREATE TABLE hidden.payroll (id int)")
    connector = seed_000.register(weir, postgres, database, "federation")
    weir.query(seed_000.MAKE_LOGS)
    return connector


def test_registration_answers_the_id(seed):
    assert len(seed) == 36


def test_reads_by_name(weir, seed):
    answer = weir.query("SELECT * FROM pg_prod.public.users WHERE id = 42")
    assert answer["rows"] == [[42, "user42@example.com", "eu"]]
    assert [c["name"] for c in answer["columns"]] == ["id", "email", "region"]
    assert answer["row_count"] == 1 and answer["partial"] is False


def test_reads_through_live(weir, seed):
    assert weir.rows("SELECT * FROM live(pg_prod.public.users) WHERE id = 42") == [[42, "user42@example.com", "eu"]]


def test_joins_with_a_local_table(weir, seed):
    answer = weir.query(seed_000.JOIN)
    assert answer["rows"] == seed_000.JOINED
    assert {f["table"]: f["served"] for f in answer["freshness"]} == {"pg_prod.public.users": "live", "weir.main.otel_logs": "lake"}


def test_summary_has_the_documented_fields(weir, seed):
    [scan] = weir.query("SELECT id, email FROM pg_prod.public.users WHERE region = 'eu' LIMIT 50")["pushdown_summary"]
    assert scan["source"] == "pg_prod" and scan["table"] == "public.users"
    assert scan["filters_pushed"] == ["region = $1"] and scan["filters_residual"] == []
    assert scan["projection_pushed"] is True and scan["limit_pushed"] == 50
    assert scan["sort_pushed"] is None and scan["agg_pushed"] is None and scan["agg_residual_reason"] is None and scan["join_pushed"] is False
    assert scan["rows_returned"] == 50 and scan["bytes_received"] > 0 and scan["scan_duration_ms"] >= 0
    assert "LIMIT 50" in scan["remote_query"] and scan["residual_reasons"] == []


def test_scope_hides_other_schemas(weir, seed):
    assert weir.error("SELECT * FROM pg_prod.hidden.payroll")["code"] in ("table_not_found", "schema_not_found")
    assert weir.rows("SELECT amount FROM pg_prod.billing.invoices ORDER BY id") == [["12.50"], [None]]


def test_status(weir, seed):
    weir.query("SELECT count(*) FROM pg_prod.public.users")
    status = weir.get(f"/v1/connectors/{seed}/status").json()
    assert status["id"] == seed and status["type"] == "postgres" and status["mode"] == "federation"
    assert status["source"]["reachable"] is True and status["source"]["version"].startswith("PG 15")
    federation = status["federation"]
    assert federation["status"] == "healthy" and federation["pool_max"] == 10 and federation["pool_in_use"] >= 0
    assert federation["p50_query_ms"] >= 0 and federation["p99_query_ms"] >= federation["p50_query_ms"]


def test_health_is_a_table(weir, seed):
    assert weir.rows("SELECT connector_name, mode, phase, lag_seconds, events_per_sec FROM kyma_connector_health WHERE lag_seconds > 60") == []
    answer = weir.query("SELECT * FROM kyma_connector_health")
    assert [c["name"] for c in answer["columns"]] == [
        "connector_id", "connector_name", "type", "mode", "phase", "lag_seconds", "events_per_sec", "pool_in_use", "pool_max",
        "last_error", "last_event_at", "timestamp", "source_table"]
    [row] = answer["rows"]
    assert row[0] == seed and row[1:4] == ["pg_prod", "postgres", "federation"] and row[8] == 10


def test_events_hold_the_transitions(weir, seed):
    events = weir.get("/v1/connectors/pg_prod/events").json()
    events = events["items"] if isinstance(events, dict) else events
    assert {"at", "table", "from", "to", "reason"} <= set(events[0])


def test_connection_can_be_tested_without_saving(weir, seed, postgres, database):
    body = {"name": "probe", "type": "postgres", "mode": "federation",
            "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD"}}
    report = weir.post("/v1/connectors/test-connection", body)
    assert report.status_code == 200, report.text
    assert report.json()["reachable"] is True and report.json()["tls"] is True
    assert all(c["name"] != "probe" for c in weir.get("/v1/connectors").json()["items"])


def test_pause_and_resume(weir, seed):
    assert weir.post(f"/v1/connectors/{seed}/pause?scope=federation").status_code in (200, 204)
    error = weir.error("SELECT * FROM pg_prod.public.users")
    assert error["code"] == "source_disabled" and "pg_prod" in error["message"]
    assert weir.rows("SELECT count(*) FROM otel_logs") == [[400]]
    assert weir.post(f"/v1/connectors/{seed}/resume?scope=federation").status_code in (200, 204)
    assert weir.rows("SELECT count(*) FROM pg_prod.public.users") == [[1000]]


def test_default_scope_is_all(weir, seed):
    weir.post(f"/v1/connectors/{seed}/pause")
    assert weir.error("SELECT * FROM pg_prod.public.users")["code"] == "source_disabled"
    weir.post(f"/v1/connectors/{seed}/resume")
    wait_until(lambda: weir.try_query("SELECT 1 FROM pg_prod.public.users LIMIT 1").status_code == 200)


def test_secret_that_does_not_resolve_is_refused_at_creation(weir, seed):
    answer = weir.post("/v1/connectors", {"name": "typo", "type": "postgres", "mode": "federation",
                                          "connection": {"url": "postgres://app@localhost:5432/app", "secret_ref": "$env:PG_PROD_PASWORD"}})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "secret_unresolvable" and "PG_PROD_PASWORD" in answer.json()["error"]["message"]
    assert all(c["name"] != "typo" for c in weir.get("/v1/connectors").json()["items"])

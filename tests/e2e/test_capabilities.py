"""Each line of docs/federation.md, on the server's own log."""

import json
import os
import re

import pytest

import capabilities
from conftest import ROOT, wait_until

STORED = ROOT / "tests/e2e/pushed.json"
ALL = [pytest.param(one, id=f"{group}: {one.name}") for group, some in capabilities.GROUPS.items() for one in some]


@pytest.fixture(scope="module")
def shop(postgres, database, weir):
    with postgres.connect(database) as session:
        session.execute(capabilities.TABLES)
    weir.register(postgres, database, "pg")
    weir.query("CREATE TABLE picks AS SELECT 7 AS id")
    return weir


def statements(postgres, shop, sql):
    """The answer, and the statements over our tables that the server logged for it."""
    mark = postgres.log_mark()
    answer = shop.query(sql)
    remote = [scan["remote_query"] for scan in answer["pushdown_summary"] if scan["remote_query"]]
    wait_until(lambda: all(text in postgres.log_since(mark) for text in remote), what=f"the server logged {remote}")
    read = [line for line in postgres.log_since(mark).splitlines() if re.search(r'FROM (ONLY )?"public"\."(customers|orders)"', line) and "EXPLAIN" not in line]
    return answer, read


@pytest.mark.parametrize("capability", ALL)
def test_it_runs_where_the_table_says(postgres, shop, capability):
    answer, read = statements(postgres, shop, capability.sql)
    reasons = [reason for scan in answer["pushdown_summary"] for reason in [*scan["residual_reasons"], scan["agg_residual_reason"] or ""]]
    if capability.logged:
        assert any(capability.logged in line for line in read), read
    else:
        assert any(capability.reason in reason for reason in reasons), reasons
    unpushed = shop.query("SET weir_pushdown = false; " + capability.sql)
    if "LIMIT" not in capability.sql or "ORDER BY" in capability.sql:
        assert sorted(answer["rows"], key=repr) == sorted(unpushed["rows"], key=repr)
    else:
        assert len(answer["rows"]) == len(unpushed["rows"])


def pushed(answer):
    """What a summary says was pushed, without what differs from run to run."""
    return [{"table": scan["table"], "filters": len(scan["filters_pushed"]), "aggregates": scan["agg_pushed"] or [], "sort": scan["sort_pushed"] or [],
             "limit": scan["limit_pushed"] is not None, "join": scan["join_pushed"]} for scan in answer["pushdown_summary"]]


def test_nothing_pushes_less_than_before(shop):
    """WEIR_UPDATE=1 stores what is pushed now; the difference is then seen in review."""
    now = {one.sql: pushed(shop.query(one.sql)) for some in capabilities.GROUPS.values() for one in some}
    if os.environ.get("WEIR_UPDATE") == "1":
        STORED.write_text("{\n" + ",\n".join(f"{json.dumps(sql)}: {json.dumps(scans)}" for sql, scans in now.items()) + "\n}\n")
    assert now == json.loads(STORED.read_text())


def test_the_document_is_made_from_the_list():
    assert capabilities.DOCUMENT.read_text() == capabilities.document(), "python tests/e2e/capabilities.py"

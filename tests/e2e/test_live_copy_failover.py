"""The source's history becomes another one: a standby takes over, or the server is put back to a copy of its files. Never a silent gap."""


import pytest

from conftest import Weir
from copied import Copied
from history import History
from source_faults import Network, OwnPostgres

TABLES = ["accounts", "items", "progress"]


@pytest.fixture
def postgres():
    server = OwnPostgres.start("wal_sender_timeout=10s")
    yield server
    server.remove()


@pytest.fixture
def database(postgres):
    return postgres.create_database()


@pytest.fixture
def network(postgres):
    network = Network(postgres.parts.port)
    yield network
    network.close()


@pytest.fixture
def history(postgres, database, seed):
    with History(postgres.database_url(database), seed, rows=2_000) as history:
        yield history


@pytest.fixture
def weir(postgres):
    weir = Weir(environment={"PG_PROD_PASSWORD": postgres.password}).start()
    yield weir
    weir.stop()


@pytest.fixture
def copy(weir, postgres, database, network, history):
    copy = Copied(weir, postgres, database, TABLES, port=network.port)
    copy.wait_streaming()
    history.start()
    copy.wait(lambda: history.check(copy.weir) > 50, 20, "changes land")
    return copy


def goes_on_after_a_resync(copy, history):
    assert "resync" in copy.status()["last_error"]
    copy.resync("items")
    copy.wait_streaming(60)
    history.start()
    copy.wait(lambda: history.check(copy.weir) > 100, 20, "changes land")
    history.stop()
    copy.wait(lambda: history.check(copy.weir) == history.n, 30, "the copy has the whole history")
    for table in TABLES:
        found = copy.weir.post(f"/v1/connectors/pg/verify?table=public.{table}").json()
        assert found["equal"], found
    assert copy.forget().status_code == 204


@pytest.mark.parametrize("weir_runs", [True, False], ids=["weir runs", "weir is down"])
def test_a_standby_takes_over(copy, postgres, network, history, weir_runs):
    standby = postgres.standby()
    try:
        history.stop()
        copy.wait(lambda: history.check(copy.weir) == history.n, 30, "the copy has what the standby has")
        if not weir_runs:
            copy.weir.stop()
        postgres.stop()
        standby.promote()
        network.target = standby.parts.port
        network.cut()
        history.url = standby.database_url(copy.database)
        landed = history.n
        history.start()
        if not weir_runs:
            copy.weir.start()
        copy.wait_disabled("sync_data_loss")
        error = copy.status()["last_error"]
        assert "/1" in error and "/2" in error, "both timelines are named"
        assert history.check(copy.weir) == landed
        history.stop()
        goes_on_after_a_resync(copy, history)
    finally:
        history.stopping.set()
        standby.remove()


@pytest.mark.parametrize("weir_runs", [True, False], ids=["weir runs", "weir is down"])
def test_a_source_is_put_back(copy, postgres, history, weir_runs):
    """Files of an hour ago, on the same timeline: the copy is ahead of its source."""
    history.stop()
    postgres.stop()
    postgres.keep()
    postgres.go_on()
    with history.kept():
        history.start()
        copy.wait(lambda: history.check(copy.weir) > 200, 30, "changes land that the source will forget")
        history.stop()
        copy.wait(lambda: history.check(copy.weir) == history.n, 30, "all of them")
        landed = history.n
        if not weir_runs:
            copy.weir.stop()
        postgres.stop()
        postgres.put_back()
        postgres.go_on()
        if not weir_runs:
            copy.weir.start()
        copy.wait_disabled("sync_data_loss", 40)
        assert history.check(copy.weir) == landed
    goes_on_after_a_resync(copy, history)

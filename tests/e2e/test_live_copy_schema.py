"""Tables change their shape while their live copies stream: the copy follows, or the table alone stops and says why."""

import pytest

from copied import Copied

OTHER = "CREATE TABLE other (id bigint PRIMARY KEY, t text); INSERT INTO other VALUES (1, 'one')"


@pytest.fixture(scope="module")
def copy(weir, postgres, database):
    """Each test has a table of its own; `other` must go on beside all of them."""
    with postgres.connect(database) as session:
        session.execute(OTHER)
    copy = Copied(weir, postgres, database, ["other"])
    copy.wait_streaming()
    yield copy
    assert copy.forget().status_code == 204


@pytest.fixture
def source(postgres, database):
    with postgres.connect(database) as session:
        yield session


@pytest.fixture
def table(request, copy, source):
    """Makes and copies a table that is named after the test; at the end the other one must have gone on."""
    name = request.node.name.removeprefix("test_")[:40]

    def make(definition, rows):
        source.execute(f"CREATE TABLE {name} ({definition}); INSERT INTO {name} {rows}")
        wanted(copy, [name, "other"])
        copy.wait(lambda: copy.phases().get(name) == "streaming", 20, f"{name} is streaming")
        return name

    yield make
    source.execute("UPDATE other SET t = %s", [name])
    copy.wait_equal("other", "id, t")
    assert copy.phases()["other"] == "streaming"
    snapshots = [event for event in copy.events() if event["table"] == "public.other" and event["to"] == "snapshotting"]
    assert len(snapshots) <= 1
    wanted(copy, ["other"])
    source.execute(f"DROP TABLE IF EXISTS {name}")


def wanted(copy, tables):
    answer = copy.weir.patch("/v1/connectors/pg", {"sync": {"tables": [f"public.{table}" for table in tables]}})
    assert answer.status_code == 200, answer.text


def drifted(copy, *entry):
    copy.wait(lambda: entry in copy.drift(), 10, f"drift {entry}")
    assert any(event["table"] == f"public.{entry[0]}" and entry[1] in event["reason"] and entry[2] in event["reason"] for event in copy.events())


def begins_anew(copy, name, columns):
    """What a table that stopped takes: a resync, and it is equal again and streams."""
    copy.resync(name)
    copy.wait_streaming()
    copy.wait_equal(name, columns)


def test_column_added(copy, table, source):
    name = table("id int PRIMARY KEY, t text", "SELECT i, 't' || i FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} ADD COLUMN plain int; UPDATE {name} SET plain = id WHERE id < 5")
    copy.wait_equal(name, "id, t, plain")
    source.execute(f"ALTER TABLE {name} ADD COLUMN filled text DEFAULT 'it''s'; INSERT INTO {name} VALUES (21, 't', 1), (22, 'u', 2); INSERT INTO {name} VALUES (23, 'v', 3, NULL)")
    copy.wait_equal(name, "id, t, plain, filled")
    drifted(copy, name, "plain", "added")
    drifted(copy, name, "filled", "added")


def test_column_dropped(copy, table, source):
    name = table("id int PRIMARY KEY, gone text, t text", "SELECT i, 'g', 't' || i FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} DROP COLUMN gone; INSERT INTO {name} VALUES (21, 't'); UPDATE {name} SET t = 'x' WHERE id = 1")
    copy.wait_equal(name, "id, t")
    drifted(copy, name, "gone", "dropped")


def test_column_renamed(copy, table, source):
    name = table("id int PRIMARY KEY, old text", "SELECT i, 't' || i FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} RENAME COLUMN old TO new; UPDATE {name} SET new = 'x' WHERE id = 1")
    copy.wait(lambda: ("column_renamed", "old", "renamed to new") in copy.drift(), 10, "the rename")
    copy.wait_equal(name, "id, new")
    drifted(copy, name, "old", "renamed to new")


def test_column_widened(copy, table, source):
    name = table("id int PRIMARY KEY, i int", "SELECT i, i FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} ALTER COLUMN i TYPE bigint; INSERT INTO {name} VALUES (21, 5000000000)")
    copy.wait(lambda: copy.table(name)["phase"] == "streaming" and [str(21), "5000000000"] in copy.rows(name, "id, i"), 10, "the wide value")
    copy.wait_equal(name, "id, i")
    drifted(copy, name, "i", "widened to bigint")


def test_enum_value_added(copy, table, source):
    source.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    name = table("id int PRIMARY KEY, m mood", "VALUES (1, 'sad'), (2, 'ok')")
    source.execute("ALTER TYPE mood ADD VALUE 'happy'")
    source.execute(f"INSERT INTO {name} VALUES (3, 'happy')")
    copy.wait(lambda: len(copy.rows(name, "id")) == 3, 10, "the new value")
    assert copy.rows(name, "id, m") == [["1", "sad"], ["2", "ok"], ["3", "happy"]]


def test_type_changed(copy, table, source):
    name = table("id int PRIMARY KEY, v text", "SELECT i, i::text FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} ALTER COLUMN v TYPE int USING v::int + 1; INSERT INTO {name} VALUES (21, 5)")
    copy.wait_stopped(name, "type_changed: v")
    begins_anew(copy, name, "id, v")


def test_volatile_default(copy, table, source):
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 20)")
    source.execute(f"ALTER TABLE {name} ADD COLUMN v text DEFAULT gen_random_uuid()::text; INSERT INTO {name} VALUES (21)")
    copy.wait_stopped(name, "column_default_volatile: v")
    begins_anew(copy, name, "id, v")


def test_key_changed(copy, table, source):
    name = table("id int PRIMARY KEY, k int NOT NULL UNIQUE, t text", "SELECT i, 100 + i, 't' FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} DROP CONSTRAINT {name}_pkey; ALTER TABLE {name} ADD PRIMARY KEY (k)")
    source.execute(f"UPDATE {name} SET t = 'x' WHERE k = 105")
    copy.wait_stopped(name, "pk_changed")
    source.execute(f"INSERT INTO {name} VALUES (1, 200, 'y')")
    begins_anew(copy, name, "id, k, t")
    source.execute(f"UPDATE {name} SET t = 'z' WHERE k = 106")
    copy.wait_equal(name, "id, k, t")


def test_table_dropped(copy, table, source):
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 20)")
    source.execute(f"DROP TABLE {name}")
    source.execute("UPDATE other SET t = 'after the drop'")
    copy.wait_stopped(name, "table_dropped")
    source.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, again text); INSERT INTO {name} VALUES (7, 'x')")
    begins_anew(copy, name, "id, again")


def test_table_renamed(copy, table, source):
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 20)")
    source.execute(f"ALTER TABLE {name} RENAME TO moved; INSERT INTO moved VALUES (21)")
    copy.wait_stopped(name, "table_renamed")
    source.execute(f"ALTER TABLE moved RENAME TO {name}; INSERT INTO {name} VALUES (22)")
    begins_anew(copy, name, "id")


def test_array_default_of_many_rows(copy, table, source):
    """Written into all of them it would hold up the other tables for long."""
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 1000001)")
    source.execute(f"ALTER TABLE {name} ADD COLUMN tags text[] DEFAULT '{{a,b}}'; INSERT INTO {name} VALUES (0)")
    copy.wait_stopped(name, "column_default_not_stored: tags")
    copy.resync(name)
    copy.wait_streaming()
    copy.wait_equal_sums(name, "count(*), sum(id), count(tags)")


def test_table_renamed_and_left_alone(copy, table, source):
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 20)")
    source.execute(f"ALTER TABLE {name} RENAME TO moved_quietly")
    copy.wait_stopped(name, "table_renamed")
    source.execute(f"ALTER TABLE moved_quietly RENAME TO {name}")
    begins_anew(copy, name, "id")


def test_identity_nothing(copy, table, source):
    name = table("id int PRIMARY KEY, t text", "SELECT i, 't' FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} REPLICA IDENTITY NOTHING; INSERT INTO {name} VALUES (21, 'x')")
    copy.wait_stopped(name, "replica_identity_nothing")
    # The table has left the publication, or the source would refuse this.
    copy.wait(lambda: source.execute("SELECT count(*) FROM pg_publication_tables WHERE tablename = %s", [name]).fetchone() == (0,), 10, "not published")
    source.execute(f"UPDATE {name} SET t = 'works again' WHERE id = 1")
    source.execute(f"ALTER TABLE {name} REPLICA IDENTITY DEFAULT")
    copy.resync(name)
    copy.wait_streaming()
    source.execute(f"UPDATE {name} SET t = 'y' WHERE id = 2")
    copy.wait_equal(name, "id, t")


def test_identity_full(copy, table, source):
    name = table("id int PRIMARY KEY, t text", "SELECT i, 't' FROM generate_series(1, 20) i")
    source.execute(f"ALTER TABLE {name} REPLICA IDENTITY FULL; UPDATE {name} SET t = 'y' WHERE id = 2; DELETE FROM {name} WHERE id = 3")
    copy.wait_equal(name, "id, t")
    assert copy.phases()[name] == "streaming"


def test_publication_left(copy, table, source):
    name = table("id int PRIMARY KEY, t text", "SELECT i, 't' || i FROM generate_series(1, 20) i")
    source.execute(f"ALTER PUBLICATION {copy.slot} DROP TABLE {name}; UPDATE {name} SET t = 'unseen'")
    copy.wait_equal(name, "id, t")
    assert any(event["table"] == f"public.{name}" and event["reason"] == "not_published" for event in copy.events())
    assert copy.weir.post("/v1/connectors/pg/pause?scope=sync").status_code == 200
    source.execute(f"ALTER PUBLICATION {copy.slot} DROP TABLE {name}; DELETE FROM {name} WHERE id > 5")
    assert copy.weir.post("/v1/connectors/pg/resume?scope=sync").status_code == 200
    copy.wait_equal(name, "id, t")
    source.execute(f"INSERT INTO {name} VALUES (21, 'seen')")
    copy.wait_equal(name, "id, t")


def test_a_stopped_table_shows_no_half_transaction(copy, table, source):
    name = table("id int PRIMARY KEY, n bigint", "SELECT i, i FROM generate_series(1, 20) i")
    with source.transaction():
        source.execute(f"INSERT INTO {name} VALUES (21, 21)")
        source.execute(f"UPDATE other SET t = '{name}'")
        source.execute(f"ALTER TABLE {name} ALTER COLUMN n TYPE text USING 'n' || n")
        source.execute(f"INSERT INTO {name} VALUES (22, 'x')")
    copy.wait_stopped(name, "type_changed: n")
    copy.wait_equal("other", "id, t")
    assert copy.rows(name, "max(id), count(*)") == [["20", "20"]]
    begins_anew(copy, name, "id, n")


def test_a_column_whose_name_differs_by_letter_case_only(copy, table, source):
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 20)")
    source.execute(f'ALTER TABLE {name} ADD COLUMN "ID" text; INSERT INTO {name} VALUES (21, \'x\')')
    copy.wait(lambda: copy.phases()[name] == "disabled", 20, "the table stops")
    assert "letter case" in copy.table(name)["reason"]
    copy.resync(name)
    copy.wait(lambda: copy.phases()[name] == "disabled" and "letter case" in copy.table(name)["reason"], 20, "it cannot be kept at all")


def test_array_default(copy, table, source):
    name = table("id int PRIMARY KEY", "SELECT generate_series(1, 20)")
    source.execute(f"ALTER TABLE {name} ADD COLUMN tags text[] DEFAULT ARRAY['a', 'b,c']; ALTER TABLE {name} ADD COLUMN pause interval DEFAULT '1 mon 2 days 3s'")
    source.execute(f"INSERT INTO {name} VALUES (21, '{{x}}', '1s')")
    copy.wait(lambda: copy.rows(name, "count(*) FILTER (tags = ['a', 'b,c'] AND pause = INTERVAL '1 month 2 days 3 seconds'), count(*)") == [["20", "21"]], 10, "the defaults")

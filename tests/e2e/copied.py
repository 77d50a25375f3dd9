"""A connector with a live copy, as a test sees it."""

import json

from conftest import wait_until


class Copied:
    """Tables of one database, kept by `weir` under the name `pg`."""

    def __init__(self, weir, postgres, database, tables, port=None, user="weir", mode="sync", tls="required", **sync):
        self.weir, self.postgres, self.database = weir, postgres, database
        self.body = {"name": "pg", "type": "postgres", "mode": mode,
                     "connection": {"url": self.url(port, user), "secret_ref": "$env:PG_PROD_PASSWORD", "connect_timeout_ms": 3000, "tls": tls},
                     "sync": {"tables": [f"public.{table}" for table in tables], "fold_rows": 1000, "fold_after_ms": 300, **sync}}
        answer = weir.post("/v1/connectors", self.body)
        assert answer.status_code == 201, answer.text
        self.slot = f"weir_{answer.json()['id']}".lower().replace("-", "")

    def url(self, port=None, user="weir"):
        return f"postgres://{user}@localhost:{port or self.postgres.parts.port}/{self.database}"

    def status(self):
        return self.weir.get("/v1/connectors/pg/status").json()["sync"]

    def table(self, name):
        return next(table for table in self.status()["tables"] if table["table"] == f"public.{name}")

    def phases(self):
        return {table["table"].removeprefix("public."): table["phase"] for table in self.status()["tables"]}

    def events(self):
        return self.weir.get("/v1/connectors/pg/events").json()["items"]

    def drift(self):
        return [(entry["table"].removeprefix("public."), entry["field"], entry["status"]) for entry in self.status()["schema_drift"]]

    def resync(self, table):
        answer = self.weir.post(f"/v1/connectors/pg/resync?table=public.{table}")
        assert answer.status_code in (200, 202), answer.text

    def wait(self, condition, seconds=20, what="condition"):
        try:
            return wait_until(condition, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.status(), indent=1)}\n{self.log()}") from None

    def log(self):
        return "\n".join([line for line in self.weir.log().splitlines() if "http_request" not in line][-20:])

    def wait_streaming(self, seconds=30):
        def streaming():
            found = self.status()
            return found["status"] == "streaming" and {table["phase"] for table in found["tables"]} == {"streaming"}
        self.wait(streaming, seconds, "all tables are streaming")

    def wait_disabled(self, reason, seconds=20):
        """The whole copy stops, every table with `reason`."""
        self.wait(lambda: all(table["phase"] == "disabled" and (table["reason"] or "").startswith(reason) for table in self.status()["tables"]),
                  seconds, f"all tables are disabled: {reason}")
        assert self.status()["status"] == "disabled"

    def wait_stopped(self, table, reason, seconds=20):
        """One table stops with `reason`."""
        self.wait(lambda: (self.table(table)["phase"], self.table(table)["reason"]) == ("disabled", reason), seconds, f"{table} is disabled: {reason}")
        assert any(event["table"] == f"public.{table}" and event["to"] == "disabled" and event["reason"] == reason for event in self.events())

    def rows(self, table, columns="*"):
        """As text; a refusal is a row as well."""
        answer = self.weir.try_query(f"SELECT {columns} FROM pg.public.{table} ORDER BY ALL")
        if answer.status_code != 200:
            assert answer.status_code != 500, answer.text
            return [[answer.text]]
        return [[None if value is None else str(value) for value in row] for row in answer.json()["rows"]]

    def source_rows(self, table, columns):
        with self.postgres.connect(self.database) as session:
            names = [name.strip() for name in columns.split(",")]
            texts = ", ".join(f"{name}::text" for name in names)
            return [list(row) for row in session.execute(f"SELECT {texts} FROM {table} ORDER BY {', '.join(f'{table}.{name}' for name in names)}").fetchall()]

    def wait_equal(self, table, columns, seconds=20):
        seen = {}

        def equal():
            seen.update(copy=self.rows(table, columns), source=self.source_rows(table, columns))
            return seen["copy"] == seen["source"]
        try:
            self.wait(equal, seconds, f"{table} is equal")
        except AssertionError as error:
            ours, theirs = seen["copy"], seen["source"]
            raise AssertionError(f"{error}\ncopy: {[row for row in ours if row not in theirs][:10]}\n"
                                 f"source: {[row for row in theirs if row not in ours][:10]}") from None

    def wait_equal_sums(self, table, sums, seconds=60):
        """For tables that are too large for `wait_equal`."""
        with self.postgres.connect(self.database) as session:
            theirs = [str(value) for value in session.execute(f"SELECT {sums} FROM {table}").fetchone()]
        self.wait(lambda: self.rows(table, sums) == [theirs], seconds, f"{table}: {sums} = {theirs}")

    def forget(self):
        return self.weir.delete("/v1/connectors/pg")



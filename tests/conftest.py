"""Real servers for the end-to-end tests: PostgreSQL (started by ./dev test) and Weir itself."""

import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

import psycopg
import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIR = os.environ.get("WEIR_BIN", str(ROOT / "build/bin/weir"))
DEEP = os.environ.get("WEIR_DEEP") == "1"
SANITIZED = os.environ.get("WEIR_SANITIZED") == "1"


def wait_until(condition, seconds=20, what="condition"):
    """Polls `condition` until it is true; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def unshare(*namespaces):
    """The beginning of a command in namespaces of its own, as root there; any user may."""
    return ["/usr/bin/unshare", *namespaces, *([] if os.geteuid() == 0 else ["--map-root-user"])]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """A real PostgreSQL 15; every test module takes a database of its own."""

    def __init__(self, url, directory):
        self.url = url
        self.directory = pathlib.Path(directory)
        self.parts = urllib.parse.urlsplit(url)
        self.password = self.parts.password

    def database_url(self, database, user="weir", password=True, host="localhost"):
        secret = f":{self.password}" if password else ""
        return f"postgres://{user}{secret}@{host}:{self.parts.port}/{database}"

    def connect(self, database="postgres", **options):
        return psycopg.connect(self.database_url(database), autocommit=True, **options)

    def create_database(self, options=""):
        name = f"t_{uuid.uuid4().hex[:12]}"
        with self.connect() as session:
            session.execute(f"CREATE DATABASE {name} {options}")
        return name

    def drop_database(self, name):
        with self.connect() as session:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def log_mark(self):
        return (self.directory / "log").stat().st_size

    def log_since(self, mark):
        """What the server itself logged of statements since `mark`."""
        with open(self.directory / "log", encoding="utf-8", errors="replace") as log:
            log.seek(mark)
            return log.read()


@pytest.fixture(scope="session")
def postgres():
    url = os.environ.get("WEIR_TEST_PG_URL")
    assert url, "WEIR_TEST_PG_URL is not set: run the tests with ./dev test"
    return Postgres(url, os.environ["WEIR_TEST_PG_DIR"])


@pytest.fixture(scope="module")
def database(postgres):
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


class Weir:
    """A `weir serve` process on a free port."""

    def __init__(self, directory=None, arguments=(), environment=None, command=(WEIR,)):
        """`command` runs the program: in a namespace or a root of its own, for example."""
        self.command = list(command)
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="weir-test-"))
        self.arguments = list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.token = None

    def start(self):
        self.log_file = self.directory / "serve.log"
        self.directory.mkdir(parents=True, exist_ok=True)
        log = open(self.log_file, "ab")
        self.process = subprocess.Popen(
            [*self.command, "serve", "--data-dir", str(self.directory / "data"), "--listen", "127.0.0.1:0", *self.arguments],
            stdout=subprocess.PIPE, stderr=log, env=self.environment, text=True)
        line = self.process.stdout.readline()
        assert "http://" in line, f"no address: {line!r}\n{self.log()}"
        self.url = "http://" + line.split("http://")[1].split()[0].rstrip("/.,")
        # What it prints later must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        wait_until(self.ready, what="the server is ready")
        return self

    def ready(self):
        try:
            return self.get("/ready").status_code == 200
        except requests.ConnectionError:
            assert self.process.poll() is None, self.log()
            return False

    def log(self):
        return self.log_file.read_text(errors="replace")

    def stop(self, number=signal.SIGTERM, seconds=40):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(seconds)
        if SANITIZED and self.log_file.exists():  # a test may have unmounted its disk
            log = self.log()
            report = re.search(r"(ERROR|WARNING): \w+Sanitizer|runtime error: ", log)
            assert not report, log[max(0, report.start() - 200):][:8000]
        return self.process.returncode

    def headers(self, extra=None):
        return {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(extra or {})}

    def get(self, path, **options):
        return requests.get(self.url + path, headers=self.headers(options.pop("headers", None)), timeout=60, **options)

    def post(self, path, body=None, **options):
        return requests.post(self.url + path, json=body, headers=self.headers(options.pop("headers", None)), timeout=120, **options)

    def patch(self, path, body):
        return requests.patch(self.url + path, json=body, headers=self.headers(), timeout=60)

    def delete(self, path):
        return requests.delete(self.url + path, headers=self.headers(), timeout=60)

    def query(self, sql, params=None, **options):
        """The answer's JSON document; fails the test when the query fails."""
        answer = self.try_query(sql, params, **options)
        assert answer.status_code == 200, f"{sql}\n{answer.text}"
        document = json.loads(answer.text)
        assert "error" not in document, document["error"]
        return document

    def rows(self, sql, params=None, **options):
        return self.query(sql, params, **options)["rows"]

    def try_query(self, sql, params=None, **options):
        return self.post("/v1/query", {"query": sql, **({"params": params} if params is not None else {}), **options})

    def error(self, sql, params=None, **options):
        """The error of a query that must fail: {code, message, hint, request_id}."""
        answer = self.try_query(sql, params, **options)
        assert answer.status_code >= 400, f"{sql} did not fail: {answer.text[:500]}"
        return answer.json()["error"]

    def register(self, postgres, database, name="pg_prod", mode="federation", **connection):
        body = {
            "name": name, "type": "postgres", "mode": mode,
            "connection": {"url": postgres.database_url(database, password=False), "secret_ref": "$env:PG_PROD_PASSWORD",
                           "tls": "required", "pool_size": 10, **connection},
        }
        answer = self.post("/v1/connectors", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


@pytest.fixture(scope="module")
def seed():
    """New at each run; WEIR_SEED replays one. pytest shows it when a test fails."""
    value = int(os.environ.get("WEIR_SEED") or random.SystemRandom().randrange(2**32))
    print(f"replay with WEIR_SEED={value}")
    return value


@pytest.fixture
def fresh_database(postgres):
    """For one test."""
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def start_weir(postgres):
    """Starts servers that the module's end stops."""
    started = []

    def start(**options):
        environment = {"PG_PROD_PASSWORD": postgres.password, **options.pop("environment", {})}
        server = Weir(environment=environment, **options).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def weir(start_weir):
    return start_weir()

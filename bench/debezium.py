"""The peer of the live copy: Debezium Server on the same log, posting to a receiver that counts the changes and discards them.

Its HTTP sink in batch mode (a JSON array of up to 2,048 changes a request) is the cheapest that it has: a request a change would measure
the sink, and a broker or a database would add work of its own. The receiver runs in this process and is counted as nobody's. Schemas and
tombstones are left out of what it sends, its queue and batches are larger than by default, and it waits 50 ms for a batch, not 500."""

import hashlib
import http.server
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import servers

NAME = "Debezium Server 3.6.1 (peer), delivered"
LEFT_OUT = "\nDebezium Server was left out (--without-debezium)."
ARCHIVE = "io.debezium:debezium-server-dist:3.6.1.Final:tar.gz"
ARCHIVE_SHA256 = "f95567c7107e5ae0a778dce850c36e86487b2c49e131dfc9bbb72c7ac2feb944"
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
JAVA_PIN = pathlib.Path(__file__).with_name("java.txt")
SLOT = "debezium"
BATCH = 2048
SETTINGS = """
quarkus.http.port=0
quarkus.http.host=127.0.0.1
quarkus.log.level=ERROR
quarkus.log.console.json=false
debezium.format.key=json
debezium.format.value=json
debezium.format.schemas.enable=false
debezium.sink.type=http
debezium.sink.http.url={sink}
debezium.sink.http.batch.enabled=true
debezium.sink.http.batch.max-size={batch}
debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector
debezium.source.topic.prefix=bench
debezium.source.plugin.name=pgoutput
debezium.source.slot.name={slot}
debezium.source.publication.name={publication}
debezium.source.publication.autocreate.mode=disabled
debezium.source.snapshot.mode=no_data
debezium.source.statistics.metrics.enabled=false
debezium.source.message.prefix.exclude.list=.*
debezium.source.tombstones.on.delete=false
debezium.source.max.batch.size={batch}
debezium.source.max.queue.size=16384
debezium.source.poll.interval.ms=50
debezium.source.offset.storage.file.filename={home}/offsets
debezium.source.offset.flush.interval.ms=1000
debezium.source.database.hostname={host}
debezium.source.database.port={port}
debezium.source.database.user={user}
debezium.source.database.password={password}
debezium.source.database.dbname={database}
debezium.source.database.sslmode=disable
debezium.source.driver.options=-c wal_sender_timeout=0
"""


STAMP = hashlib.sha256((ARCHIVE + ARCHIVE_SHA256 + JAVA_PIN.read_text()).encode()).hexdigest()[:12]
INSTALLED = servers.HOME / f"debezium-{STAMP}"


def java():
    [program] = (INSTALLED / "java").glob("**/bin/java")
    return program


def is_installed():
    return (INSTALLED / ".done").exists()


def install():
    """Fills INSTALLED with `java` and `server`, both pinned by version and hash."""
    subprocess.run(["rm", "-rf", INSTALLED], check=True)
    (INSTALLED / "server").mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
                    "--target", INSTALLED / "java", "-r", JAVA_PIN], check=True)
    java().chmod(0o755)
    archive = fetch_archive(INSTALLED)
    check_sha256(archive, ARCHIVE_SHA256)
    subprocess.run(["tar", "-xzf", archive, "-C", INSTALLED / "server", "--strip-components=1", "--exclude=*/connectors", "--exclude=*/lib_opt"], check=True)
    archive.unlink()
    (INSTALLED / ".done").touch()


def fetch_archive(folder):
    done = subprocess.run(["mvn", "-B", "-q", f"-Dmaven.repo.local={folder}/maven", FETCH, f"-Dartifact={ARCHIVE}", f"-DoutputDirectory={folder}"],
                          capture_output=True, text=True)
    assert done.returncode == 0, f"cannot fetch {ARCHIVE} (--without-debezium does without): {done.stdout[-2000:]}"
    subprocess.run(["rm", "-rf", folder / "maven"], check=True)
    [archive] = folder.glob("*.tar.gz")
    return archive


def check_sha256(file, expected):
    with open(file, "rb") as data:
        got = hashlib.file_digest(data, "sha256").hexdigest()
    assert got == expected, f"{file.name}: sha256 is {got}, pinned is {expected}"


class Receiver:
    """Takes what is posted to it, counts the changes in it, and remembers the last probe (a row with a negative id)."""

    def __init__(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.take(body)

            def log_message(self, *_):
                pass

        self.events, self.probe = 0, 0
        self.came = threading.Condition()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body):
        probes = re.findall(rb'"after":\{"id":(-\d+)', body) if b'"id":-' in body else []
        with self.came:
            self.events += body.count(b'"op":"')
            self.probe = min([self.probe, *map(int, probes)])
            self.came.notify_all()

    def wait(self, reached, seconds):
        with self.came:
            return self.came.wait_for(reached, seconds)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Debezium:
    """One Debezium Server on the slot SLOT of the database of `url`, which must be there."""

    def __init__(self, url, publication):
        if not is_installed():
            install()
        self.receiver = Receiver()
        self.home = servers.HOME / "debezium"
        subprocess.run(["rm", "-rf", self.home], check=True)
        (self.home / "config").mkdir(parents=True)
        self.home.chmod(0o700)
        parts = urllib.parse.urlsplit(url)
        (self.home / "config/application.properties").write_text(SETTINGS.format(
            sink=self.receiver.url, batch=BATCH, slot=SLOT, publication=publication, home=self.home, host=parts.hostname, port=parts.port,
            user=parts.username, password=parts.password, database=parts.path[1:]))
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen([java(), "-Xmx1g", "-cp", f"{INSTALLED}/server/*:{INSTALLED}/server/lib/*", "io.debezium.server.Main"],
                                            cwd=self.home, stdout=log, stderr=subprocess.STDOUT)

    @property
    def pid(self):
        return self.process.pid

    def wait_events(self, count, seconds=600):
        """Until so many changes have come since the start."""
        deadline = time.monotonic() + seconds
        while not self.receiver.wait(lambda: self.receiver.events >= count, 1):
            assert self.process.poll() is None and time.monotonic() < deadline, f"{self.receiver.events} of {count} changes: {self.log_end()}"
        assert self.receiver.events == count, f"{self.receiver.events} changes instead of {count}"

    def log_end(self):
        return (self.home / "log").read_text(errors="replace")[-2000:]

    def pause(self):
        """Its walsender goes on until the sockets between them are full, some megabytes; Debezium itself stands still."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.receiver.close()
        subprocess.run(["rm", "-rf", self.home], check=True)

"""What can happen to a source: a server of its own that may be restarted, and a network that may be cut or go silent."""

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import threading

from conftest import ROOT, Postgres, free_port

SCRIPT = ROOT / "tests/servers/postgres.sh"


class OwnPostgres(Postgres):
    """A server that no other test uses."""

    @staticmethod
    def new_directory():
        directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-own-pg-", dir="/var/tmp"))
        directory.chmod(0o755)  # the server may be another user
        return directory

    @classmethod
    def start(cls, *settings, directory=None, environment=None):
        directory = directory or cls.new_directory()
        url = subprocess.run([SCRIPT, "start", directory, str(free_port()), "log_statement=none", *settings],
                             check=True, capture_output=True, text=True, env={**os.environ, **(environment or {})}).stdout.strip()
        return cls(url, directory)

    def standby(self):
        """A running standby of this server."""
        directory = self.new_directory()
        url = subprocess.run([SCRIPT, "standby", directory, self.directory, str(free_port())], check=True, capture_output=True, text=True).stdout.strip()
        return OwnPostgres(url, directory)

    def promote(self):
        subprocess.run([SCRIPT, "promote", self.directory], check=True)

    def keep(self):
        """As it is now, stopped, it can be put back."""
        subprocess.run([SCRIPT, "keep", self.directory], check=True)

    def put_back(self):
        subprocess.run([SCRIPT, "put_back", self.directory], check=True)

    def restart(self, mode="fast"):
        subprocess.run([SCRIPT, "restart", self.directory, mode], check=True)

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.directory], check=True)

    def go_on(self):
        subprocess.run([SCRIPT, "start", self.directory, str(self.parts.port), "log_statement=none"], check=True, capture_output=True)

    def remove(self):
        subprocess.run([SCRIPT, "remove", self.directory], check=True)


class Network:
    """Forwards connections to `port`."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = []
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                pair = Pair(near, far)
                self.pairs.append(pair)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self.forward, args=(pair, source, sink), daemon=True).start()

    def forward(self, pair, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flows.wait()
                if not pair.silent:
                    sink.sendall(data)
        if not pair.silent:
            pair.close()

    def freeze(self):
        """Nothing gets through, nobody is told."""
        self.flows.clear()

    def thaw(self):
        self.flows.set()

    def cut(self):
        """Every connection of now ends."""
        for pair in self.pairs:
            pair.close()
        self.pairs = []

    def lose(self):
        """The connections of now stay open, but nothing will ever get through them."""
        for pair in self.pairs:
            pair.silent = True
        self.pairs = []

    def refuse(self):
        """Nobody answers here any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def close(self):
        self.refuse()
        self.thaw()
        self.cut()


class Pair:
    def __init__(self, near, far):
        self.near, self.far = near, far
        self.silent = False

    def close(self):
        for side in (self.near, self.far):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

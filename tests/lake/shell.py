"""The lake without the rest of Weir: drives weir_lake_shell (tests/lake/lake_shell.cc)."""

import json
import os
import pathlib
import signal
import subprocess

from conftest import WEIR

SHELL = pathlib.Path(os.environ.get("WEIR_LAKE_SHELL", pathlib.Path(WEIR).parent / "weir_lake_shell"))


class Killed(Exception):
    """The shell ended before it answered."""


class Shell:
    """One process that holds the data directory."""

    def __init__(self, data_dir, log_bytes_max=None, prefix=()):
        command = [*prefix, str(SHELL), str(data_dir)] + ([str(log_bytes_max)] if log_bytes_max is not None else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.opened = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise Killed
        return json.loads(line)

    def ask(self, line):
        try:
            self.process.stdin.write(line.replace("\n", " ") + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Killed from None
        return self.answer()

    def try_write(self, sql):
        return self.ask("write " + sql)

    def write(self, sql):
        answer = self.try_write(sql)
        assert "error" not in answer, f"{sql}\n{answer['error']}"

    def read(self, sql):
        """Rows of texts."""
        answer = self.ask("read " + sql)
        assert "error" not in answer, f"{sql}\n{answer['error']}"
        return [tuple(row) for row in answer["rows"]]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def __enter__(self):
        assert "error" not in self.opened, self.opened
        return self

    def __exit__(self, *failure):
        if failure[0] is None:
            self.close()
        elif self.process.poll() is None:
            self.kill()

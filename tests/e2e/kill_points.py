"""Where a server dies: in the system call that a step of it cannot do without, which takes nothing of the server's help."""

import dataclasses
import re
import subprocess
import sys

from conftest import WEIR

HOT_LOG = "hot.duckdb.wal"
LAKE_LOG = "catalog.ducklake.wal"

# The server lets anybody trace it, where the system asks for that (Yama).
TRACEABLE = [sys.executable, "-c", "import ctypes, os, sys; ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])", WEIR]


@dataclasses.dataclass
class KillPoint:
    """The server dies before `call` on `file` of its data directory, when one of its threads does that for the `number`-th time."""

    file: str
    call: str
    number: int

    def arm(self, weir):
        """From here on; `weir` is to be TRACEABLE."""
        self.trace = weir.directory / "trace"
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "0", "-o", self.trace, "-P", weir.directory / "data" / self.file, "-e", f"trace={self.call}",
             "-e", f"inject={self.call}:signal=KILL:when={self.number}", "-p", str(weir.process.pid)], stderr=subprocess.PIPE, text=True)
        said = self.tracer.stderr.readline()
        assert "attached" in said or weir.process.poll() is not None, said

    def was_hit(self):
        """After the server's death: it died in the call that was waited for."""
        self.tracer.communicate(timeout=20)
        return re.search(r"\) += \?\s", self.trace.read_text()) is not None


def in_hot_commit(chance):
    """A transaction of the hot database is being written to its log, or synced."""
    return KillPoint(HOT_LOG, "write", chance.randrange(1, 12)) if chance.random() < 0.5 else KillPoint(HOT_LOG, "fsync", chance.randrange(1, 4))


def in_lake_commit(chance):
    """So for the catalog's: a fold, or what a snapshot has loaded."""
    return KillPoint(LAKE_LOG, chance.choice(["write", "fsync"]), chance.randrange(1, 4))


def at_extents(data, table):
    """The table's extents are written, their directory is not synced and the catalog does not know of them."""
    [directory] = data.glob(f"extents/*/{table}")
    return KillPoint(str(directory.relative_to(data)), "fsync", 1)

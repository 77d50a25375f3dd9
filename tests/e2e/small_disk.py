"""A disk that can be full, in a mount namespace; any user may make one."""

import contextlib
import os
import pathlib
import subprocess

from conftest import WEIR, unshare


class SmallDisk:
    """At `place` for those who run `command`; the test itself sees it at `root`."""

    def __init__(self, place, holder):
        self.place = place
        self.root = pathlib.Path(f"/proc/{holder.pid}/root{place}")
        users = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.command = ["nsenter", "--target", str(holder.pid), "--mount", *users, WEIR]

    def free_bytes(self):
        space = os.statvfs(self.root)
        return space.f_bavail * space.f_frsize

    def leave(self, free_bytes):
        """Fills the disk up to `free_bytes`; what others give back meanwhile is taken as well."""
        with open(self.root / "ballast", "ab", buffering=0) as ballast:
            while (more := self.free_bytes() - free_bytes) >= 4096:
                with contextlib.suppress(OSError):
                    ballast.write(b"x" * more)

    def clear(self):
        (self.root / "ballast").unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(place, megabytes):
    place.mkdir()
    holder = subprocess.Popen([*unshare("--mount"), "sh", "-c", f'mount -t tmpfs -o size={megabytes}m none "$0" && echo ready && exec sleep infinity', str(place)],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n"
        yield SmallDisk(place, holder)
    finally:
        holder.kill()
        holder.wait()

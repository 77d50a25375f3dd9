"""Measures a piece of work: wall time, CPU-seconds of every process that takes part, peak memory of one of them."""

import os
import pathlib
import resource
import statistics
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process and of its children that it has waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICK


def children(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def tree_cpu_seconds(pid):
    """A server with one process per session: those that ended are counted by their parent once it has waited for them."""
    while True:
        before = children(pid)
        total = cpu_seconds(pid)
        try:
            for child in before:
                fields = pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
                total += (int(fields[11]) + int(fields[12])) / TICK
        except FileNotFoundError:
            continue
        if children(pid) == before:
            return total


def reset_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_megabytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


class Measured:
    """One run: seconds, client_cpu (everything but the source), server_cpu (the source), peak_mb."""

    def __init__(self, seconds, client_cpu, server_cpu, peak_mb):
        self.seconds, self.client_cpu, self.server_cpu, self.peak_mb = seconds, client_cpu, server_cpu, peak_mb


def run(work, source_pid, client_pids=()):
    """Runs `work()`; CPU of our own waited-for children and of `client_pids` is the client's."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    source, clients = tree_cpu_seconds(source_pid), sum(cpu_seconds(p) for p in client_pids)
    for pid in client_pids:
        reset_peak(pid)
    began = time.perf_counter()
    peak = work() or 0
    seconds = time.perf_counter() - began
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = now.ru_utime + now.ru_stime - own.ru_utime - own.ru_stime
    client = spent + sum(cpu_seconds(p) for p in client_pids) - clients
    peak = max([peak, *(peak_megabytes(p) for p in client_pids)])
    return Measured(seconds, client, tree_cpu_seconds(source_pid) - source, peak)


def median(runs):
    pick = lambda name: statistics.median(getattr(r, name) for r in runs)
    return Measured(pick("seconds"), pick("client_cpu"), pick("server_cpu"), pick("peak_mb"))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

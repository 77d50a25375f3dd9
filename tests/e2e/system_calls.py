"""What a program asks of the operating system, read from a trace."""

import ast
import dataclasses
import re

CALLS = "openat,mkdir,rename,write,pwrite64,sendto,fsync,fdatasync"
LINE = re.compile(r"^(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<arguments>.*?)(?P<end> <unfinished \.\.\.>|\) += (?P<result>-?\d+).*)?$")


@dataclasses.dataclass
class Call:
    name: str
    path: str  # of the file that it is about
    creates: bool
    data: bytes  # that it writes
    ended: bool  # False: it begins here; True: it has come to its end, without an error


def traced(program, trace):
    """Runs `program` so that `calls` can read what it did. The tracer is the child: signals go to the program."""
    # LeakSanitizer cannot work in a traced process.
    return ["strace", "-D", "-E", "ASAN_OPTIONS=detect_leaks=0", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "10000000", "-e", f"trace={CALLS}", "-e", "signal=none",
            "-o", str(trace), program]


def call(name, arguments, ended):
    path = re.search(r"^(?:AT_FDCWD)?\d*<([^>]*)>", arguments)
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
    if name in ("openat", "mkdir", "rename"):
        path, data = strings[0], b""
    else:
        path, data = path[1] if path else "", ast.literal_eval(f'b"{strings[0]}"') if strings else b""
    return Call(name, path, "O_CREAT" in arguments, data, ended)


def calls(trace):
    """In order: each when it begins, and again when it has ended."""
    waiting = {}
    with open(trace, encoding="ascii", errors="replace") as lines:
        for line in lines:
            match = LINE.match(line.rstrip("\n"))
            if not match:
                continue
            if match["resumed"]:
                begun = waiting.pop(match["thread"])
            else:
                begun = call(match["call"], match["arguments"], False)
                yield begun
            if match["end"] == " <unfinished ...>":
                waiting[match["thread"]] = begun
            elif match["result"] and not match["result"].startswith("-"):
                yield dataclasses.replace(begun, ended=True)

"""SQL tests as data: every *.test file beside this one, run on a fresh server.

Blocks are separated by empty lines; `#` begins a comment line.
    statement             the text below must succeed
    query [sorted]        the rows after ---- must come, one a line, cells joined by |, NULL as NULL
    error CODE            the text must fail with that code; lines after ---- must stand in message or hint"""

import json
import pathlib

import pytest

FILES = sorted(pathlib.Path(__file__).parent.glob("*.test"))


def blocks(text):
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for block in "\n".join(lines).split("\n\n"):
        if block.strip():
            head, _, body = block.strip("\n").partition("\n")
            sql, _, expected = body.partition("\n----")
            yield head.split(), sql, expected.strip("\n").splitlines()


def cell(value):
    if value is None:
        return "NULL"
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("file", FILES, ids=[f.stem for f in FILES])
def test_file(start_weir, file):
    server = start_weir()
    ran = 0
    for head, sql, expected in blocks(file.read_text()):
        ran += 1
        where = f"{file.name}: {sql}"
        if head[0] == "statement":
            answer = server.try_query(sql)
            assert answer.status_code == 200, f"{where}\n{answer.text}"
        elif head[0] == "query":
            answer = server.try_query(sql)
            assert answer.status_code == 200, f"{where}\n{answer.text}"
            rows = ["|".join(cell(value) for value in row) for row in answer.json()["rows"]]
            assert (sorted(rows) if "sorted" in head else rows) == (sorted(expected) if "sorted" in head else expected), where
        elif head[0] == "error":
            error = server.error(sql)
            assert error["code"] == head[1], f"{where}\n{error}"
            for part in expected:
                assert part in error["message"] + " " + error["hint"], f"{where}\n{error}"
        else:
            raise AssertionError(f"{file.name}: unknown block {head}")
    assert ran > 0
    server.stop()

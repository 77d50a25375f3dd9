"""A landing is killed before each of its steps and at random ones: what is there is the history up to its position."""

import os
import pathlib
import random
import subprocess

import pytest

from conftest import DEEP, WEIR

SHELL = pathlib.Path(os.environ.get("WEIR_LANDING_SHELL", pathlib.Path(WEIR).parent / "weir_landing_shell"))
LAST = 40

# Every step that changes something, as HotLanding::at names it.
STEPS = """prepare_lake prepare_hot snapshot_begins load_insert load_commit load_committed complete rows_delete rows_insert
truncate_delete truncate_insert shape_hot shape_intend shape_lake shape_done position hot_commit hot_committed fold_delete
fold_insert fold_lake_commit fold_hot_commit fold_done rewrite_insert rewrite_delete rewrite_commit expire clean_up
hot_checkpoint""".split()


def shell(*arguments, fault=None):
    environment = dict(os.environ, **({"WEIR_FAULT": fault} if fault else {}))
    done = subprocess.run([str(SHELL), *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stdout


def kill_and_go_on(data_dir, seed, faults):
    killed = 0
    for fault in faults:
        code, said = shell("run", data_dir, LAST, seed, fault=fault)
        assert code in (-9, 0), said
        killed += code == -9
        code, said = shell("check", data_dir, seed)
        assert code == 0, f"seed {seed}, after {fault} of {faults}\n{said}"
    code, said = shell("run", data_dir, LAST, seed)
    assert code == 0, said
    code, said = shell("check", data_dir, seed)
    assert code == 0 and f"same at {LAST}" in said, f"seed {seed}, {faults}\n{said}"
    return killed


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_each_step(tmp_path, step):
    faults = [f"{step}:{number}" for number in ((1, 2, 3, 5) if DEEP else (1, 3))]
    assert kill_and_go_on(tmp_path / "data", 1, faults) >= 1


@pytest.mark.parametrize("round_", range(40 if DEEP else 4))
def test_killed_at_random_steps(tmp_path, round_):
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    kill_and_go_on(tmp_path / "data", seed, [f"any:{dice.randint(1, 120)}" for _ in range(6)])

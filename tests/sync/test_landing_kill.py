"""A landing is killed before each of its steps and at random ones: what is there is the history up to its position."""

import os
import pathlib
import random
import subprocess

import pytest

from conftest import DEEP, WEIR

SHELL = pathlib.Path(os.environ.get("WEIR_LANDING_SHELL", pathlib.Path(WEIR).parent / "weir_landing_shell"))
LAST = 40

# Every step that changes something, as CopyLanding::at names it.
BOTH = """prepare_lake prepare_hot snapshot_begins load_insert load_commit load_constant load_committed complete rows_delete
rows_insert truncate_delete truncate_insert shape_hot shape_intend shape_lake shape_done position lake_delete lake_insert
rewrite_insert rewrite_delete rewrite_commit expire clean_up""".split()
STEPS = {"hot": [*BOTH, *"hot_commit hot_committed fold_lake_commit fold_hot_commit fold_done hot_checkpoint".split()],
         "direct": [*BOTH, *"lake_commit lake_committed".split()]}


def shell(*arguments, fault=None, landing="hot"):
    environment = dict(os.environ, WEIR_LANDING=landing, **({"WEIR_FAULT": fault} if fault else {}))
    done = subprocess.run([str(SHELL), *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stdout


def kill_and_go_on(data_dir, seed, faults, landing):
    killed = 0
    for fault in faults:
        code, said = shell("run", data_dir, LAST, seed, fault=fault, landing=landing)
        assert code in (-9, 0), said
        killed += code == -9
        code, said = shell("check", data_dir, seed, landing=landing)
        assert code == 0, f"{landing}, seed {seed}, after {fault} of {faults}\n{said}"
    code, said = shell("run", data_dir, LAST, seed, landing=landing)
    assert code == 0, said
    code, said = shell("check", data_dir, seed, landing=landing)
    assert code == 0 and f"same at {LAST}" in said, f"{landing}, seed {seed}, {faults}\n{said}"
    return killed


@pytest.mark.parametrize("landing,step", [(landing, step) for landing, steps in STEPS.items() if DEEP or landing == "hot" for step in steps])
def test_killed_before_each_step(tmp_path, landing, step):
    faults = [f"{step}:{number}" for number in ((1, 2, 3, 5) if DEEP else (1, 3))]
    assert kill_and_go_on(tmp_path / "data", 1, faults, landing) >= 1


@pytest.mark.parametrize("part", range(3))
def test_killed_before_one_step_after_the_other(tmp_path, part):
    """As above in few runs, because commits of the lake take their time: in the order in which the steps come first."""
    steps = STEPS["direct"][part * 9:(part + 1) * 9]
    assert kill_and_go_on(tmp_path / "data", 1, [f"{step}:1" for step in steps], "direct") == len(steps)


@pytest.mark.parametrize("landing,round_", [(landing, round_) for landing, rounds in (("hot", 4), ("direct", 2)) for round_ in range(40 if DEEP else rounds)])
def test_killed_at_random_steps(tmp_path, landing, round_):
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    kill_and_go_on(tmp_path / "data", seed, [f"any:{dice.randint(1, 120)}" for _ in range(6)], landing)

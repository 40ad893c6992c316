"""`python -m tests.bench`: run all measurements, write the JSON, print the table.

    --short         a little of everything, without judging times: shows that the bench works
    --only STAGE    one stage (repeatable): echo crowd output viewers unread start worker box creation recovery
                    revocation bridge page
    --rounds N      instead of the full form's
    --json FILE     where the JSON goes; default: standard output, before the table
    --wait SECONDS  how long to wait for the machine to become quiet

Exit 0: every figure holds (in the short form: everything ran); 1: one does not; 2: void, the machine was busy.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.bridge_stage import bridge
from tests.bench.creation_stage import creation
from tests.bench.figures import TRANSPORT, draw, rows, settle
from tests.bench.page_stage import page
from tests.bench.peers import build_ptyprog
from tests.bench.recovery_stage import recovery
from tests.bench.revocation_stage import revocation
from tests.bench.scale import FULL, SHORT, Scale
from tests.bench.stage import Place, Stage, Values
from tests.bench.typing_stages import crowd, echo, output, unread, viewers
from tests.bench.worker_stages import box_memory, start, worker_memory

MOST_LOAD = 0.5  # of the last minute; on two cores, more than that is somebody else's work in our figures
STAGES = (
    Stage("echo", echo, lambda scale: scale.rounds),
    Stage("crowd", crowd, lambda scale: scale.rounds),
    Stage("output", output, lambda scale: scale.rounds),
    Stage("viewers", viewers, lambda scale: scale.rounds),
    Stage("unread", unread, lambda scale: scale.rounds),
    Stage("start", start, lambda scale: scale.rounds),
    Stage("worker", worker_memory, lambda scale: scale.rounds),
    Stage("box", box_memory, lambda scale: scale.rounds),
    Stage("creation", creation, lambda scale: scale.creations),
    Stage("recovery", recovery, lambda scale: scale.kills),
    Stage("revocation", revocation, lambda scale: 1),
    Stage("bridge", bridge, lambda scale: scale.rounds),
    Stage("page", page, lambda scale: scale.rounds),
)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", action="append", choices=[stage.name for stage in STAGES])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--wait", type=float, default=0.0)
    options = parser.parse_args(words)
    scale = SHORT if options.short else FULL
    if options.rounds:
        scale = dataclasses.replace(scale, rounds=options.rounds, creations=options.rounds, kills=options.rounds)
    load = quiet(options.wait)
    void = load > MOST_LOAD and not options.short
    chosen = [stage for stage in STAGES if options.only is None or stage.name in options.only]
    rounds = {stage.name: run(stage, scale) for stage in chosen}
    table = rows({name: settle(each) for name, each in rounds.items()})
    result = {
        "void": void,
        "load": load,
        "machine": machine(),
        "scale": dataclasses.asdict(scale),
        "transport": TRANSPORT,
        "figures": table,
        "rounds": rounds,
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        sys.stdout.write(text + "\n")
    sys.stdout.write(draw(table, scale, load, void, judge=not options.short) + "\n")
    if options.short:
        return 0
    return 2 if void else int(not all(row["holds"] for row in table))


def quiet(seconds: float) -> float:
    """The load average, as soon as it is low enough, at the latest after `seconds`."""
    deadline = time.monotonic() + seconds
    while (load := os.getloadavg()[0]) > MOST_LOAD and time.monotonic() < deadline:
        time.sleep(1.0)
    return load


def run(stage: Stage, scale: Scale) -> list[Values]:
    """All rounds of one stage, in a folder of its own that is gone afterwards."""
    count = stage.rounds(scale)
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as folder:
        place = Place(Path(folder), build_ptyprog(Path(folder)), scale)
        with stage.open(place) as round_:
            found = []
            for number in range(count):
                found.append(round_(number))
                sys.stderr.write(f"{stage.name} {number + 1}/{count}: {shown(found[-1])}\n")
            return found


def shown(values: Values) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in values.items())


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

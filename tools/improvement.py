"""The experiment of docs/explanation/improvement.md: the same budget at random and by what a detector lacks.

For each seed a first batch is drawn by the shares of a space; then a second one of the same size at random, by the
same shares, and another by `av-synth improve`. The reference detector learns from the first and the second, or from the
first and the other, and is graded on held-out runs, as many of each scenario in each weather, which neither has seen.

    python -m tools.improvement --out out/improvement [--seeds 0 1 2] [--budget 12] [--held-out-runs 2]

What is done is not done again: the same command goes on where it was ended. Needs torch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from av_synth.cli.output import progress
from av_synth.export.dataset import export_dataset
from av_synth.farm.model import OnEvent
from av_synth.improve import Request, Round, improve, load, on_farm
from av_synth.improve.space import Space
from av_synth.improve.space import load as load_space
from av_synth.store import replace_file
from av_synth.store.merge import adopt

_MODEL = "av_synth.improve.reference_torch:Reference"
_AXES = ("scenario", "weather", "light")
_RARE = 0.05  # share of all that is met, below which a scenario in a weather is rare
_ARMS = {"at random": 1.0, "by the loop": 0.2}  # floors: with 1 all is drawn by shares


@contextmanager
def _unshown(_name: str, _progress: object, *, also: Sequence[OnEvent] = ()) -> Iterator[OnEvent]:
    def tell(event: Any) -> None:
        for each in also:
            each(event)

    yield tell


def main() -> int:
    """Run what is left of the experiment, and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--space", default="examples/improve/street.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget", type=int, default=12)
    parser.add_argument("--held-out-runs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    space, held_out = load_space(asked.space), None
    found: dict[str, dict[str, list[float]]] = {}
    for seed in asked.seeds:
        first: Path | None = None
        for arm, floor in _ARMS.items():
            store = asked.out / f"seed-{seed}" / arm.replace(" ", "_")
            if first is not None:
                _begin_alike(first, store)
            request = Request(space, store, _MODEL, asked.budget, 1, floor, seed, held_out, asked.held_out_runs)
            came = improve(load(_MODEL), request, on_farm(asked.workers, progress, _unshown), progress)
            if came.exit_code:
                print(f"{store}: {came.why}; the same command goes on from there", file=sys.stderr)
                return came.exit_code
            first = first or store
            held_out = held_out or store / "improve" / "held_out" / "nuscenes"
            for name, round_ in (("first batch", came.rounds[0]), (arm, came.rounds[1])):
                if name == arm or arm == "at random":
                    _add(found.setdefault(name, {}), space, round_)
        print(json.dumps(found, indent=1), flush=True)
    told = {arm: {name: _spread(values) for name, values in figures.items()} for arm, figures in found.items()}
    figures = json.dumps({"by_seed": found, "spread": told}, indent=1) + "\n"
    replace_file(asked.out / "figures.json", figures.encode())
    print(json.dumps(told, indent=1))
    return 0


def _begin_alike(first: Path, store: Path) -> None:
    """Have a store begin with the first batch of another, and with what came of it."""
    record = Path("improve") / "round-00.json"
    if not (store / record).exists():
        adopt(first / "improve" / "batch-00", store)
        export_dataset(store)
        replace_file(store / record, (first / record).read_bytes())


def _add(figures: dict[str, list[float]], space: Space, round_: Round) -> None:
    """The figures of a round, each at the end of its list."""
    if round_.held_out is None:
        raise ValueError(f"round {round_.number} is not done")
    rare = {tuple(space.draw(cell, 0).traits[axis] for axis in _AXES)
            for cell in space.cells if cell.share < _RARE}  # fmt: skip
    cells = {tuple(one.values[axis] for axis in _AXES): one for one in round_.held_out.cells}
    for name in ("ap", "recall"):
        values = {key: getattr(one, name) or 0.0 for key, one in cells.items()}
        rest = [value for key, value in values.items() if key not in rare]
        figures.setdefault(f"{name}, rare", []).append(statistics.fmean(values[key] for key in sorted(rare)))
        figures.setdefault(f"{name}, common", []).append(statistics.fmean(rest))
        figures.setdefault(f"{name}, all images", []).append(getattr(round_.held_out.overall, name) or 0.0)
        for key, value in sorted(values.items()):
            figures.setdefault(f"{name}, {' '.join(key)}", []).append(value)


def _spread(values: list[float]) -> dict[str, float]:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "sd": deviation, "least": min(values), "most": max(values)}


if __name__ == "__main__":
    sys.exit(main())

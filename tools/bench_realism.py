"""Are pictures such that a detector trained on photographs finds cars and people in them? JSON on standard output.

    python -m tools.bench_realism --judge yolox_nano_coco.onnx [--frames 96] [--seed 1000] [--out FOLDER]

Writes sheet.jpg (all pictures, with what was found and missed), control.jpg (the same with boxes in place of bodies)
and figures.json into FOLDER. See docs/explanation/realism.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import carla
import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import UserError
from av_synth.launch import Address, launch_embedded
from tools.realism_frames import Shot, take
from tools.realism_judge import HEIGHT_PX, WIDTH_PX, Judge, fitted
from tools.realism_orders import Order, orders, shares
from tools.realism_score import (
    LEAST_HEIGHT_PX,
    LEAST_VISIBLE,
    QUESTIONS,
    SCORE_AT_LEAST,
    Picture,
    Question,
    by_body,
    match,
    tally,
)
from tools.realism_sheet import thumbnail, write_sheet
from tools.realism_truth import found, truths, with_boxes

CLOSING_SEED = 1000
_LEAST_FRAMES, _ROUNDS = 6, 5
_RANGES_M = ((0.0, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, 60.0))
_HEADLINES = {name: QUESTIONS[name] for name in ("car", "person")}
_WANTED = (("car", "recall", 0.75), ("person", "recall", 0.65), ("car", "precision", 0.7), ("person", "precision", 0.7))
"""Of clear days; of wet nights half as much."""
_CONTROL_SHARE = 0.25  # of the recall of the pictures: boxes must be far below


@dataclass(frozen=True)
class _Judged:
    """A picture, what came of it, and what came of the same with boxes in place of bodies."""

    stratum: str
    picture: Picture
    control: Picture
    thumbnails: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
    where: tuple[str, str, str]


def main(arguments: Sequence[str]) -> int:
    """Draw, judge, print; returns the exit status: 2 if it could not begin."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--judge", default="", help="path of yolox_nano_coco.onnx")
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--seed", type=int, default=CLOSING_SEED, help="0 to 9 while developing")
    parser.add_argument("--out", type=Path, default=Path("out/realism"))
    asked = parser.parse_args(arguments)
    try:
        if asked.frames < _LEAST_FRAMES or asked.seed < 0:
            raise UserError(f"--frames {asked.frames} --seed {asked.seed}: want {_LEAST_FRAMES} or more, and 0 or more")
        judge = Judge(asked.judge)
    except UserError as error:
        print(f"bench-realism: {error}", file=sys.stderr)
        return 2
    began, cpu = time.perf_counter(), _cpu_s()
    with launch_embedded("AvSynth02") as address:
        shown = [_judged(judge, shot) for shot in _shots(asked.frames, asked.seed, address)]
        renderer = _renderer(address)
    spent = {"wall_s": round(time.perf_counter() - began, 1), "cpu_s": round(_cpu_s() - cpu, 1)}
    figures = {**_setting(asked.frames, asked.seed, renderer), **spent, **_figures(shown)}
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, at in (("sheet.jpg", 0), ("control.jpg", 1)):
        write_sheet([each.thumbnails[at] for each in shown], asked.out / name)
    (asked.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    return 0


def _shots(frames: int, seed: int, address: Address) -> Iterable[Shot]:
    """Pictures until each stratum has its share, town after town so that each is loaded once a round."""
    streams = dict(orders(frames, seed))
    left = Counter(shares(frames))
    for _ in range(_ROUNDS):
        due: list[Order] = []
        for stratum, stream in streams.items():
            missing = left[stratum]
            while missing > 0:
                order = next(stream)
                order = replace(order, shots=min(order.shots, missing))
                missing -= order.shots
                due.append(order)
        for order in sorted(due, key=lambda order: str(order.scenario.town)):
            for shot in take(order, address):
                left[shot.stratum] -= 1
                yield shot
    if any(count > 0 for count in left.values()):
        print(f"bench-realism: pictures that came to nothing: {dict(+left)}", file=sys.stderr)


def _judged(judge: Judge, shot: Shot) -> _Judged:
    bgr, scale = fitted(shot.bgr)
    boxes, instance = with_boxes(shot)
    low_poly, _ = fitted(boxes)
    picture = Picture(truths(shot, scale, shot.label.instance), found(judge, bgr, shot, scale))
    control = Picture(truths(shot, scale, instance), found(judge, low_poly, shot, scale))
    made = [
        thumbnail(image, shot.title, seen, [match(seen, each, SCORE_AT_LEAST) for each in QUESTIONS.values()])
        for image, seen in ((bgr, picture), (low_poly, control))
    ]
    return _Judged(shot.stratum, picture, control, (made[0], made[1]), shot.where)


def _figures(shown: Sequence[_Judged]) -> dict[str, Any]:
    strata: dict[str, list[_Judged]] = defaultdict(list)
    for each in shown:
        strata[each.stratum].append(each)
    every = [each.picture for each in shown]
    towns = sorted({each.where[0] for each in shown})
    figures = {
        "frames": len(shown),
        "drawn": {
            name: dict(sorted(Counter(each.where[at] for each in shown).items()))
            for at, name in enumerate(("towns", "scenarios", "cameras"))
        },
        "strata": {
            name: {
                "frames": len(there),
                **_scores([each.picture for each in there], QUESTIONS),
                "control": _scores([each.control for each in there], _HEADLINES, brief=True),
            }
            for name, there in strata.items()
        },
        "all": _scores(every, QUESTIONS),
        "control": _scores([each.control for each in shown], QUESTIONS, brief=True),
        "by_town": {
            town: _scores([each.picture for each in shown if each.where[0] == town], _HEADLINES, brief=True)
            for town in towns
        },
        "by_range_m": {
            f"{near:g}-{far:g}": _scores(
                every,
                {name: replace(question, near_m=near, far_m=far) for name, question in _HEADLINES.items()},
                brief=True,
            )
            for near, far in _RANGES_M
        },
        "by_body": by_body(every),
    }
    return {"criteria": _criteria(figures), **figures}


def _criteria(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """What is asked of the pictures, what they have, and whether that is enough; None where nothing could be asked."""
    told = []
    for stratum, share in (("clear day", 1.0), ("wet night", 0.5)):
        scores = figures["strata"].get(stratum, {})
        for group, measure, least in _WANTED:
            got = scores.get(group, {}).get(measure)
            told.append(_criterion(f"{stratum}: {measure} of {group}", got, share * least, at_least=True))
    for group in _HEADLINES:
        most = _CONTROL_SHARE * (figures["all"][group]["recall"] or 0.0)
        told.append(
            _criterion(f"control: recall of {group}", figures["control"][group]["recall"], most, at_least=False)
        )
    return told


def _criterion(what: str, got: float | None, wanted: float, *, at_least: bool) -> dict[str, Any]:
    met = None if got is None else (got >= wanted if at_least else got <= wanted)
    return {"what": what, "got": got, "at_least" if at_least else "at_most": round(wanted, 3), "met": met}


def _scores(pictures: Sequence[Picture], questions: dict[str, Question], *, brief: bool = False) -> dict[str, Any]:
    scores = {}
    for name, question in questions.items():
        total = tally(pictures, question)
        row: dict[str, Any] = {
            "objects": total.wanted,
            "recall": _round(total.recall(SCORE_AT_LEAST)),
            "precision": _round(total.precision(SCORE_AT_LEAST)),
            "ap50": _round(total.average_precision()),
        }
        if not brief and name in ("car", "large", "cycle"):
            lenient = tally(pictures, replace(question, lenient=True))
            row["lenient"] = {
                "recall": _round(lenient.recall(SCORE_AT_LEAST)),
                "precision": _round(lenient.precision(SCORE_AT_LEAST)),
            }
        scores[name] = row
    return scores


def _setting(frames: int, seed: int, renderer: str) -> dict[str, Any]:
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    return {
        "machine": machine,
        "renderer": renderer,
        "opencv": cv2.__version__,
        "seed": seed,
        "closing": seed == CLOSING_SEED,
        "asked_frames": frames,
        "counted": {"height_px": LEAST_HEIGHT_PX, "visible": LEAST_VISIBLE, "score": SCORE_AT_LEAST, "iou": 0.5},
        "picture_px": [WIDTH_PX, HEIGHT_PX],
    }


def _renderer(address: Address) -> str:
    """What the simulator says that it draws with, once it has drawn."""
    client = carla.Client(address.host, address.port)
    client.set_timeout(60.0)
    library = client.get_world().get_blueprint_library()
    facts = {each.id: each.as_str() for each in library.find("avsynth.simulator.facts")}
    return facts.get("gl_renderer", "")


def _cpu_s() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # threads of the carla client end an interpreter that shuts down

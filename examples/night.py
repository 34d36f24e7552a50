"""A run again at night: the labels stay, the pixels do not.

    python examples/night.py out/examples

Plays the first run of near_misses.py, unless it is there, and its log once more in the dark. For everybody whom a
camera sees: the share of them in sight, which stays, and how bright their pixels are (0 to 255), which does not.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

import av_synth

SCENARIO = Path(__file__).with_name("child_runs_out.yaml")


def brightness(run: av_synth.Run) -> dict[int, float]:
    """By actor id: the mean of the pixels that show them, over all cameras and keyframes."""
    shown: dict[int, list[float]] = defaultdict(list)
    for row in run.table("masks").to_pylist():
        if row["actor_id"]:
            picture = run.path(f"blobs/{row['channel']}/{row['frame']:06d}.jpg")
            mask = np.asarray(cv2.imread(str(run.path(row["path"])), cv2.IMREAD_UNCHANGED))
            image = np.asarray(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE))
            shown[row["actor_id"]].extend(image[mask == row["value"]])
    return {actor_id: float(np.mean(pixels)) for actor_id, pixels in shown.items()}


def visibility(run: av_synth.Run) -> dict[int, float]:
    """By actor id: the share of them in sight (0 to 1), on average over the keyframes."""
    seen: dict[int, list[float]] = defaultdict(list)
    for row in run.table("boxes").to_pylist():
        seen[row["actor_id"]].append(row["visible_fraction"])
    return {actor_id: float(np.mean(shares)) for actor_id, shares in seen.items()}


def compare(out: Path) -> None:
    """Make both, and print a line for each instance."""
    with av_synth.open_simulator(out=out) as simulator:
        dusk = av_synth.make_run(av_synth.draw(SCENARIO, seed=0), rig="tiny", out=out, simulator=simulator)
        night = av_synth.replay_run(dusk, weather="clear_night", out=out / "night", simulator=simulator)
    roles = {row["actor_id"]: row["role"] or row["category"] for row in dusk.table("actors").to_pylist()}
    bright, dim, at_dusk, by_night = brightness(dusk), brightness(night), visibility(dusk), visibility(night)
    print("who                   visible at dusk, by night  brightness at dusk, by night")
    for actor_id in sorted(bright.keys() & dim.keys() & at_dusk.keys()):
        shares = f"{at_dusk[actor_id]:15.0%}  {by_night[actor_id]:8.0%}"
        print(f"{roles[actor_id]:<20}  {shares}   {bright[actor_id]:18.0f}  {dim[actor_id]:8.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path("out/examples"), help="a folder")
    compare(parser.parse_args().out)

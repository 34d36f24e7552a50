"""A batch of near-misses as a nuScenes dataset, and a look at it with the official devkit.

    python examples/near_misses.py out/examples

Wants `pip install av-synth nuscenes-devkit`. What is in the folder already is not played again.
"""

import argparse
from pathlib import Path

from nuscenes import NuScenes

import av_synth

SCENARIO = Path(__file__).with_name("child_runs_out.yaml")
SEEDS = (0, 1)


def make(out: Path) -> Path:
    """Play a draw for each seed, say what became of it, and fold all runs of the folder into a dataset."""
    scenario = av_synth.load_scenario(SCENARIO)
    with av_synth.open_simulator(out=out) as simulator:
        for seed in SEEDS:
            run = av_synth.make_run(av_synth.draw(scenario, seed=seed), rig="tiny", out=out, simulator=simulator)
            outcome = av_synth.read_outcome(run)
            print(f"{run.run_id}: {'a near-miss' if outcome.held else 'no near-miss'}")
            for expectation in outcome.expectations:
                print(f"  {expectation}")
    return av_synth.export_dataset(out)


def look(dataset: Path) -> None:
    """For each scene: how often the child is annotated, from how far it is seen, and how much of it."""
    nusc = NuScenes(version="v1.0-trainval", dataroot=str(dataset), verbose=False)
    for scene in nusc.scene:
        print(f"{scene['name']}: {scene['description']}")
        sample_token = scene["first_sample_token"]
        while sample_token:
            sample = nusc.get("sample", sample_token)
            for token in sample["anns"]:
                annotation = nusc.get("sample_annotation", token)
                if annotation["category_name"] == "human.pedestrian.child":
                    visibility = nusc.get("visibility", annotation["visibility_token"])["level"]
                    print(f"  child: {visibility}, {annotation['num_lidar_pts']} lidar points")
            sample_token = sample["next"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path("out/examples"), help="a folder")
    look(make(parser.parse_args().out))

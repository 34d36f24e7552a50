"""A parameter sweep: the closer behind the van the child starts, the later it is seen and the nearer it gets.

    python examples/sweep.py out/sweep

One draw is played with several gaps between van and child; all else is the same. Nothing of it asks for sensors, so
there are none, and a run takes a second or two. With many values, processes or machines a sweep is a campaign
(docs/how-to/campaigns.md).
"""

import argparse
from pathlib import Path

import av_synth

SCENARIO = Path(__file__).with_name("child_runs_out.yaml")
GAPS_M = (1.0, 1.5, 2.0)


def figures(run: av_synth.Run, role: str) -> tuple[float, float, float]:
    """Of somebody: when the ego's driver saw them (s), the least time to collision (s) and the least distance (m)."""
    (actor_id,) = (row["actor_id"] for row in run.table("actors").to_pylist() if row["role"] == role)
    seen_s = [row["time_us"] * 1e-6 for row in run.table("events").to_pylist() if row["kind"] == "seen"]
    metrics = [row for row in run.table("metrics").to_pylist() if row["other_id"] == actor_id]
    least = {name: min(row["value"] for row in metrics if row["metric"] == name) for name in ("ttc_s", "distance_m")}
    return seen_s[0], least["ttc_s"], least["distance_m"]


def sweep(out: Path) -> None:
    """Play the draw with each gap, and print a line for each."""
    scenario = av_synth.load_scenario(SCENARIO)
    print("gap_m  seen at_s  least ttc_s  least distance_m")
    with av_synth.open_simulator(out=out) as simulator:
        for gap_m in GAPS_M:
            concrete = av_synth.draw(scenario, seed=0, values={"gap_m": gap_m})
            run = av_synth.make_run(concrete, rig=None, out=out, simulator=simulator)
            seen_s, ttc_s, distance_m = figures(run, "child")
            print(f"{gap_m:5.2f}  {seen_s:9.2f}  {ttc_s:11.2f}  {distance_m:16.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path("out/sweep"), help="a folder")
    sweep(parser.parse_args().out)

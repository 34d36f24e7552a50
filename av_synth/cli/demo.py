"""`av-synth demo`: the whole way once, with a picture at the end."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth import rig as rigs
from av_synth.cli.output import progress, say
from av_synth.cli.run import make
from av_synth.farm.planning.campaign import laid_out, load
from av_synth.farm.planning.recipes import Desk
from av_synth.launch.choose import EMBEDDED
from av_synth.report.contact_sheet import contact_sheet


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    out: Path = typer.Option(Path("out/demo"), help="Where the run, the dataset and the picture go."),
    rig: str | None = typer.Option(None, help="Name or path of another rig; `tiny` is quick."),
) -> None:
    """Make the demo: a pedestrian runs out from behind a parked van, seen by the nuScenes rig.

    Eight seconds of traffic, six 1600x900 cameras, a lidar and five radars; a minute or two on two cores without a GPU.

    Example, half a minute: av-synth demo --rig tiny --out out/quick
    """
    if rig is not None:
        rigs.load(rig)  # that there are to be no sensors only a campaign can say
    campaign = load("demo", rig)
    with laid_out(campaign) as folder:
        specs = [Desk(folder).run(recipe) for _, recipe in campaign.recipes]
    dataset = make(specs, out, EMBEDDED)
    with progress("drawing the contact sheet", counted=False):
        picture = contact_sheet(dataset, out / "contact_sheet.png")
    say(f"contact sheet: {picture}")
    say()
    say("Load it with the official devkit:")
    say(f"  NuScenes(version='v1.0-trainval', dataroot='{dataset}')")

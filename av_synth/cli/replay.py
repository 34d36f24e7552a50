"""`av-synth replay`: a run again, from its log: from other eyes, in other weather, or made anew and compared."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.cli.run import make
from av_synth.errors import DocumentError, Problem
from av_synth.launch.choose import EMBEDDED, simulator_at
from av_synth.store import Run, open_named

_MOST_TOLD = 12  # differences at one tick


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("replay")(replay)


def replay(
    run: Path = typer.Argument(
        help="Folder of a run, such as out/first/runs/<run id>; a folder with just one; or a CARLA recorder file."
    ),
    seed: int | None = typer.Option(None, min=0, help="Of a folder with several runs: the one with this seed."),
    out: Path | None = typer.Option(
        None, help="Folder for runs/ and the nuScenes dataset of what is seen now. Not with --resimulate."
    ),
    rig: str | None = typer.Option(
        None, help="Look with this rig: a name, or a path to a YAML file. Without it, with that of the run."
    ),
    camera: list[str] = typer.Option(
        [],
        metavar="KEY=VALUE, ...",
        help="Look with a camera of your own, such as 'attach=ped_1, fov=70'. attach: who carries it, and is the ego "
        "of what is recorded (default ego). fov (degrees), width, height (pixels), every (ticks); x, y, z (metres "
        "forward, left, up from the ground under who carries it; of the ego, under its rear axle), yaw, pitch, roll "
        "(degrees: left, up, right); channel. May be repeated.",
    ),
    weather: str | None = typer.Option(
        None,
        help="In other weather: a preset such as clear_night, or changes of what it was, such as night, "
        "rain+dusk or sun_altitude_angle=-5.",
    ),
    at: str | None = typer.Option(None, help="Only this part: 3.2s..5s, 3.2s.., ..5s, or a moment, 3.2s."),
    ego: int | None = typer.Option(
        None, help="Of a recorder file in which no vehicle has the role_name hero: the ego's actor id."
    ),
    resimulate: bool = typer.Option(
        False,
        "--resimulate",
        help="Play the scenario again instead, compare every tick with the log, and name the first that differs.",
    ),
    simulator: str = typer.Option(EMBEDDED, help="As of `av-synth run`."),
    adopt: bool = typer.Option(False, "--adopt", help="As of `av-synth run`."),
) -> None:
    """Play the log of a run back and look again: other sensors, other weather, other eyes, the same motion.

    Nothing is simulated anew: everybody is put where they were, tick by tick. What comes out is a run like any other.

    Example: av-synth replay out/first/runs/0fb83a02f85a8e089635 --weather night --at 3.2s..5s --out out/night
    """
    from av_synth import recording
    from av_synth.replay.request import Request, need_sensors, recording_spec, replay_spec

    looks = {"--out": out, "--rig": rig, "--camera": camera, "--weather": weather, "--at": at, "--ego": ego}
    given = [option for option, value in looks.items() if value]
    recorded = run.is_file()
    if resimulate and not recorded:
        if given:
            why = "goes without --resimulate, which looks with nothing and writes nothing; leave it out"
            raise DocumentError([Problem("", option, why) for option in given])
        _resimulate(open_named(run, seed), simulator, adopt)
        return
    if resimulate:
        recording.read(run)
        raise DocumentError([Problem("", "--resimulate", f"{run} is of CARLA's recorder: it has no scenario to play")])
    if seed is not None and recorded:
        raise DocumentError([Problem("", "--seed", "goes with a folder of runs; a recorder file has none")])
    if ego is not None and not recorded:
        raise DocumentError([Problem("", "--ego", "goes with a file of CARLA's recorder; a run says who its ego is")])
    if out is None:
        raise DocumentError([Problem("", "--out", "want a folder for what is seen now; or --resimulate")])
    request = Request(rig, camera, weather, at)
    if recorded:
        spec, lost = recording_spec(run, request, ego)
        for sentence in lost:
            say(f"note: {sentence}", "yellow")
    else:
        spec = replay_spec(open_named(run, seed), request)
    make([need_sensors(spec, run)], out, simulator, adopt=adopt)


def _resimulate(run: Run, simulator: str, adopt: bool) -> None:
    """Say whether the scenario plays as it did; leave with status 1 if it does not."""
    from av_synth.replay import state_log
    from av_synth.replay.divergence import again_of, first_divergence, resimulate

    was, spec = state_log.of_run(run), again_of(run)
    with (
        tempfile.TemporaryDirectory(prefix="av_synth-resimulated-") as folder,
        simulator_at(simulator, Path(folder) / "simulator.log", adopt=adopt) as address,
        progress(f"playing {run.manifest['scenario']} again") as on_tick,
    ):
        again = resimulate(spec, address, Path(folder), on_tick)
    found = first_divergence(was, again)
    if found is None:
        say(f"run {run.run_id}: all {len(again.frames)} ticks are equal")
        return
    say(f"run {run.run_id}: {found}", "yellow")
    for difference in found.differences[1:_MOST_TOLD]:
        say(f"  {difference}")
    raise typer.Exit(1)

"""`av-synth recorder`: files of CARLA's recorder."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from av_synth.cli.output import say
from av_synth.errors import DocumentError, LogError, Problem
from av_synth.store import need_place, open_named

if TYPE_CHECKING:  # a log brings the director and pyarrow, which take longer to import than the help of a verb takes
    from av_synth.recording import Recording

HELP = (
    "Look into files of CARLA's recorder, and write runs as such files; `av-synth replay FILE.log` plays one back.\n\n"
    "Example: av-synth recorder write out/first/runs/3d17e46d96e2a2ac84c9 cut_in.log"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb = typer.Typer(no_args_is_help=True, help=HELP)
    verb.command("info")(info)
    verb.command("write")(write)
    app.add_typer(verb, name="recorder")


def info(
    file: Path = typer.Argument(help="A file that CARLA's recorder, or `recorder write`, wrote."),
    ego: int | None = typer.Option(None, help="Actor id of the ego, where no vehicle has the role_name hero."),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """Say what is in a recorder file, and what would be lost if it were played back.

    Example: av-synth recorder info test1.log
    """
    from av_synth.recording import read
    from av_synth.replay import carla_recorder

    recording = read(file)
    found = _contents(recording)
    try:
        found["lost"] = carla_recorder.of_recording(recording, ego_id=ego)[1]
    except LogError as error:  # it can be looked at all the same
        found["not_playable"] = str(error)
    if as_json:
        say(json.dumps(found, indent=1))
        return
    say(f"{file}: map {found['map']}, recorded {found['recorded']}")
    say(f"{found['frames']:,} frames, {found['duration_s']:.3f} s")
    for title in ("actors", "records"):
        say(f"{title}:")
        for name, number in found[title].items():
            say(f"  {number:>9,}  {name}")
    if "not_playable" in found:
        say(f"cannot be played back: {found['not_playable']}", "yellow")
    _say_lost(found.get("lost", ()))


def write(
    run: Path = typer.Argument(help="Folder of a run, such as out/first/runs/<run id>; or a folder with just one."),
    file: Path = typer.Argument(help="Where the file goes, test1.log say."),
    seed: int | None = typer.Option(None, min=0, help="As of `av-synth replay`."),
    like: Path | None = typer.Option(
        None, help="A recording of the CARLA that is to play it: the numbers of its blueprints are taken from there."
    ),
    force: bool = typer.Option(False, "--force", help="Write over a file that is there."),
) -> None:
    """Write a run as a file of CARLA's recorder, and say what is lost.

    Example: av-synth recorder write out/first/runs/3d17e46d96e2a2ac84c9 cut_in.log --like theirs.log
    """
    from av_synth.recording import read
    from av_synth.replay import carla_recorder, state_log

    if file.exists() and not force:
        raise DocumentError([Problem("", "FILE", f"{file} is there already; want another, or --force")])
    need_place("FILE", file)
    uids = carla_recorder.uids_of(read(like)) if like else None
    _say_lost(carla_recorder.write(state_log.of_run(open_named(run, seed)), file, uids))
    say(f"recording: {file}")


def _contents(recording: Recording) -> dict[str, Any]:
    from av_synth.recording.format import NAMES

    actors = Counter(actor.type_id for actor in recording.added())
    records = {NAMES[packet]: number for packet, number in sorted(recording.counts().items()) if number}
    return {
        "map": recording.map_name,
        "recorded": _date(recording.date_s),
        "frames": len(recording.frames),
        "duration_s": recording.duration_s,
        "actors": dict(sorted(actors.items())),
        "records": records,
    }


def _date(seconds: int) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"at {seconds} s of no calendar"


def _say_lost(lost: Sequence[str]) -> None:
    if lost:
        say("lost, or not as it was:")
    for sentence in lost:
        say(f"  {sentence}")

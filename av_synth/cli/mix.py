"""`av-synth mix`: several datasets as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer

from av_synth.cli.options import pairs
from av_synth.cli.output import note, progress, say, say_item
from av_synth.export.division import parse_ratio
from av_synth.mix import BY, DEFAULT_SPLIT, Mixed
from av_synth.mix import mix as mix_datasets

_FAR = 0.05  # of a share
_BY = "; ".join(f"{name}: {meaning}" for name, meaning in BY.items())


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("mix")(mix)


def mix(
    datasets: list[str] = typer.Argument(
        metavar="DATASET...",
        help="Datasets in nuScenes format, real ones too: FOLDER or NAME=FOLDER. Without names: a, b, c and so on.",
    ),
    out: Path = typer.Option(help="The new folder."),
    ratio: str | None = typer.Option(
        None, help="Shares by name, such as real=0.7,synthetic=0.3; every scene of all if not given."
    ),
    by: str = typer.Option("scene", help=f"What the shares are of. {_BY}."),
    total: int | None = typer.Option(
        None, min=1, help="How many scenes, or samples; as many as the shares allow if not given."
    ),
    split: str = typer.Option(DEFAULT_SPLIT, help="Shares of samples by split; names are free."),
    resplit: bool = typer.Option(
        False, "--resplit", help="Divide all anew; if not given, what is train, val or test in a dataset stays there."
    ),
    licence: list[str] = typer.Option(
        [], metavar="NAME=TEXT", help="What the data of a dataset may be used for; may be repeated."
    ),
    version: list[str] = typer.Option(
        [], metavar="NAME=FOLDER", help="The version folder of a dataset that has several; may be repeated."
    ),
    seed: int = typer.Option(0, min=0, help="Another one takes other scenes, and divides otherwise."),
) -> None:
    """Put scenes of several datasets in nuScenes format into one, at a chosen ratio.

    The files are hard links where the file system can make them. Tokens stay; where two datasets have one token for
    different things, that of the later is replaced wherever it stands. mix_scene.json says where each scene came from.
    No split has a scene that is of one drive, run or draw with a scene of another, or its counterfactual twin.

    Example: av-synth mix real=/data/nuscenes synthetic=out/first/nuscenes --ratio real=0.7,synthetic=0.3 --out out/mix
    """
    licences, versions = pairs(licence, "--licence"), pairs(version, "--version")
    shares = None if ratio is None else parse_ratio(ratio, "--ratio", "real=0.7,synthetic=0.3")
    parts = parse_ratio(split, "--split", DEFAULT_SPLIT)
    with progress("mixing", counted=False):
        mixed = mix_datasets(
            datasets,
            out,
            shares=shares,
            by=by,
            total=total,
            split=parts,
            resplit=resplit,
            seed=seed,
            licences=licences,
            versions=versions,
        )
    _say(mixed)
    if shares is not None:
        _note_rounding(mixed, shares, by)


def _note_rounding(mixed: Mixed, shares: Mapping[str, float], by: str) -> None:
    """Whole scenes come only so near to what was asked."""
    got = {one.name: one.samples if by == "sample" else one.scenes for one in mixed.portions}
    came = {name: count / sum(got.values()) for name, count in got.items()}
    if any(abs(came[name] - share) >= _FAR for name, share in shares.items()):
        told = ", ".join(f"{share:.0%} of {name}" for name, share in came.items())
        note(f"of so few {by}s the shares are {told}; another --total may come nearer to --ratio")


def _say(mixed: Mixed) -> None:
    width = max(len(name) for name in (*mixed.splits, *(portion.name for portion in mixed.portions)))
    for portion in mixed.portions:
        share = f"{portion.samples / max(mixed.samples, 1):.0%}"
        say_item(portion.name, f"{portion.scenes} scenes, {portion.samples} samples ({share})", width)
    for name, scenes in mixed.splits.items():
        say_item(name, f"{len(scenes)} scenes", width)
    if mixed.doubled:
        note(f"{mixed.doubled} scenes are in several of the datasets; each was taken once, of the first")
    for portion in mixed.portions:
        if portion.fold.tokens.changed:
            count = len(portion.fold.tokens.changed)
            note(f"{portion.name}: {count} tokens are those of something else in another dataset; mix.json has the new")
        if portion.left_out:
            note(f"{portion.name}: left out {', '.join(portion.left_out)}: tables that nothing is known of")
    say(f"dataset: {mixed.root}")
    say(f"is it true? av-synth verify {mixed.root}")

"""`av-synth grade`: how good detections are, and where they are worst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path

import typer

from av_synth import store
from av_synth.cli.options import is_json_with, refuse_lost
from av_synth.cli.output import progress, say
from av_synth.errors import UserError
from av_synth.grade import Grades, SliceGrade, grade_images
from av_synth.grade import grade as grade_boxes
from av_synth.query import SLICES

_SLICES = ", ".join(SLICES)
_HEADINGS = ("", "objects", "scenes", "recall", "precision", "AP")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("grade")(grade)


def grade(
    dataset: Path = typer.Argument(help="A nuScenes dataset: the folder that holds v1.0-*/, samples/, sweeps/, maps/."),
    results: Path = typer.Argument(help="Detections: a submission to the nuScenes detection task."),
    by: str = typer.Option(
        "", help=f"Slices to tell apart: 'weather,range' each by itself, 'weather+range' both at once; of {_SLICES}."
    ),
    classes: bool = typer.Option(False, "--classes", help="Also tell every slice apart by class."),
    images: bool = typer.Option(False, "--images", help="The detections are boxes in images."),
    split: str | None = typer.Option(None, help="Grade this split, all of it; what is in the results, if not given."),
    score: float | None = typer.Option(
        None, help="Recall and precision are of detections from this on; for each class from its best F1, if not given."
    ),
    json: Path | None = typer.Option(None, help="Also write all figures to this file."),
    version: str | None = typer.Option(None, help="Its version folder, if there are several."),
    seed: int = typer.Option(0, min=0, help="Of the draws of scenes that intervals are made of."),
) -> None:
    """Grade detections as the nuScenes detection task does, and tell where they are worst.

    Figures have 95 % confidence intervals, from drawing whole scenes anew. Slices come with the worst recall first;
    those with too few objects or scenes to say anything come last.

    Example: av-synth grade out/first/nuscenes results.json --by weather,range,ttc
    """
    if images and split is not None:
        raise UserError("--split: not with --images, where those are graded that are in the file")
    if score is not None and not isfinite(score):
        raise UserError(f"--score: got {score}; want a number, such as 0.3")
    refuse_lost({"--json": json}, [dataset, results])
    store.refuse_strangers("--json", json, "file of grades", lambda file: is_json_with(file, "overall", "slices"))
    with progress(f"grading {results}", counted=False):
        if images:
            grades = grade_images(dataset, results, by, per_class=classes, score=score, version=version, seed=seed)
        else:
            grades = grade_boxes(
                dataset, results, by, split=split, per_class=classes, score=score, version=version, seed=seed
            )
    for line in _lines(grades, "images" if images else "samples"):
        say(line)
    if json is not None:
        store.replace_file(json, store.canonical_json(grades.to_json()))
        say(f"figures: {json}")


def _lines(grades: Grades, what: str) -> Iterable[str]:
    overall = grades.overall
    yield f"{grades.samples} {what}, {overall.objects} objects in {overall.scenes} scenes, {overall.found} found"
    if grades.metrics is not None:
        errors = "  ".join(f"{name} {value:.3f}" for name, value in grades.metrics.errors.items())
        yield f"mAP {grades.metrics.mean_ap:.4f}  NDS {grades.metrics.nds:.4f}  {errors}"
    if grades.scores:
        yield "detections count from: " + ", ".join(f"{name} {score:.3g}" for name, score in grades.scores.items())
    yield ""
    ranked = [overall, *(each for each in grades.slices if not each.too_small)]
    small = [each for each in grades.slices if each.too_small]
    lines = _columns([_HEADINGS, *map(_cells, [*ranked, *small])])
    yield from lines[: 1 + len(ranked)]
    if small:
        yield "too small to say anything:"
        yield from lines[1 + len(ranked) :]


def _cells(grade: SliceGrade) -> tuple[str, ...]:
    name = " ".join([*(f"{key}={value}" for key, value in grade.slice_values.items()), grade.class_name]).strip()
    figures = (
        _figure(grade.recall, grade.recall_low, grade.recall_high),
        _figure(grade.precision, grade.precision_low, grade.precision_high),
        _figure(grade.ap, grade.ap_low, grade.ap_high),
    )
    return name or "everything", str(grade.objects), str(grade.scenes), *figures


def _figure(value: float | None, low: float | None, high: float | None) -> str:
    return "-" if value is None else f"{value:.3f} ({low:.3f}..{high:.3f})"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

"""Classes of lidar points: lidarseg and panoptic files against points, boxes and one another."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, move
from av_synth.verify.points.counts import above_foot, box_owners, inside_box, inside_room, near_box
from av_synth.verify.reading.blobs import locate, only_row
from av_synth.verify.reading.clouds import Sweep
from av_synth.verify.reading.model import Data, Dataset, Scene
from av_synth.verify.reading.nuscenes_names import CATEGORIES, THINGS, category_index

Classes = npt.NDArray[np.uint8]

_AGREE_SHARE, _AGREE_POINTS = 0.8, 20  # of points in the upper parts of boxes that have the box's category
_OWN_MARGIN_M = 0.3  # bodies reach up to 2 cm out of boxes, points in rain further
_UNBOXED_SHARE, _UNBOXED_M = 0.1, 40.0  # of thing points within range; beyond, labels may end
_PANOPTIC_SLACK = 0.002  # of points: those on a box's side round either way


def read_classes(dataset: Dataset, scene: Scene, data: Data, n: int, findings: Findings) -> Classes | None:
    """The category index of each of `n` points of a lidar keyframe; None, with a finding, when there is none."""
    if "lidarseg" not in dataset.extras:
        return None
    where, row = only_row(dataset, scene, data, "lidarseg", "lidarseg", findings)
    if row is None:
        return None
    _check_row("lidarseg", f"{data.token}_lidarseg.bin", dataset, data, row, findings)
    path = locate(dataset, row["filename"], where, findings)
    if path is None:
        return None
    size = path.stat().st_size
    if size != n:
        guess = ": larger integers than uint8?" if n and size % n == 0 else ""
        findings.add("lidarseg", where, f"{row['filename']} has {size} bytes for {n} points; want one each{guess}")
        return None
    classes = np.fromfile(path, dtype=np.uint8)
    if len(classes) and classes.max() >= len(CATEGORIES):
        message = f"{row['filename']} has class {classes.max()}; want category indices 0 to {len(CATEGORIES) - 1}"
        findings.add("lidarseg", where, message)
        return None
    return classes


def _check_row(
    check: str, basename: str, dataset: Dataset, data: Data, row: Mapping[str, str], findings: Findings
) -> None:
    where = f"{check}.json token={row['token']}"
    if row["token"] != data.token:
        findings.add(check, where, f"want the token of its sample_data, {data.token}")
    wanted = f"{check}/{dataset.version}/{basename}"
    if row["filename"] != wanted:
        findings.add(check, where, f"filename = {row['filename']!r}; want {wanted!r}")


def check_tables(dataset: Dataset, findings: Findings) -> None:
    """Rows are about LIDAR_TOP keyframes, and folders hold as many files as their tables have rows."""
    keyframes = {d.token for s in dataset.scenes for d in s.data.get("LIDAR_TOP", ()) if d.is_key_frame}
    for table, suffix in (("lidarseg", ".bin"), ("panoptic", ".npz")):
        rows = dataset.extras.get(table)
        if rows is None:
            continue
        findings.checked(table)
        for token in rows.keys() - keyframes:
            findings.add(table, f"{table}.json sample_data_token={token}", "is not a LIDAR_TOP keyframe")
        folder = dataset.root / table / dataset.version
        files = sum(path.name.endswith(suffix) for path in folder.iterdir()) if folder.is_dir() else 0
        n = sum(map(len, rows.values()))
        if files != n:
            message = f"has {files} {suffix} files; {table}.json has {n} rows, and the devkit wants as many"
            findings.add(table, f"{table}/{dataset.version}/", message)
        missing = [name for k, name in enumerate(CATEGORIES) if dataset.categories.get(k) != name]
        if missing:
            message = f"has not the 32 categories with their index: {missing[:3]} ...; want all, with {table}.json"
            findings.add(table, "category.json", message)


def check_noise(scene: Scene, data: Data, weather: npt.NDArray[np.bool_], classes: Classes, findings: Findings) -> None:
    """Points (N,) that are told to be of the weather are noise, and no other is."""
    wrong = int((weather != (classes == 0)).sum())
    if wrong:
        message = f"{wrong} of {len(classes)} points are noise and of a surface, or of the weather and of a class"
        findings.add("lidarseg", f"lidarseg of {scene.sample_name(data.sample_token)}", f"{message}; want both or none")


def check_classes(scene: Scene, data: Data, world: Array, classes: Classes, findings: Findings) -> None:
    """Points in the upper part of a box of a thing have its category, and points of things are in a box of theirs.

    Args:
        scene: the scene.
        data: the lidar keyframe.
        world: (N, 3), its points in the world.
        classes: (N,), theirs.
        findings: takes what is wrong.
    """
    annotations = scene.annotations.get(data.sample_token, ())
    where = f"lidarseg of {scene.sample_name(data.sample_token)}"
    boxed = np.zeros(len(world), dtype=np.bool_)
    in_core = agree = 0
    swapped: dict[tuple[str, int], int] = {}
    for annotation in annotations:
        near, local = near_box(world, annotation, _OWN_MARGIN_M)
        index = category_index(annotation.category)
        wide = near[inside_room(local, annotation, _OWN_MARGIN_M)]
        boxed[wide[classes[wide] == index]] = True
        core = near[above_foot(local, annotation) & inside_box(local, annotation, 0.0)]
        in_core += len(core)
        agree += int((classes[core] == index).sum())
        if len(core) >= _AGREE_POINTS and (classes[core] == index).mean() < 0.5:
            other = int(np.bincount(classes[core]).argmax())
            swapped[annotation.category, other] = swapped.get((annotation.category, other), 0) + 1
    for (category, other), n in swapped.items():
        message = f"the points in {n} boxes of {category} are mostly {CATEGORIES[other]}; want the boxes' category"
        findings.add("lidarseg", where, message)
    if in_core >= _AGREE_POINTS and agree < _AGREE_SHARE * in_core and not swapped:
        message = (
            f"{agree} of {in_core} points in the upper parts of boxes have the box's category; want {_AGREE_SHARE:.0%}"
        )
        findings.add("lidarseg", where, f"{message}: are points and classes in the same order?")
    away = world - data.world_from_sensor[:3, 3]
    near_m = np.hypot(away[:, 0], away[:, 1]) < _UNBOXED_M
    thing = near_m & np.isin(classes, THINGS)
    lone = thing & ~boxed
    for index in np.unique(classes[lone]):
        own = lone & (classes == index)
        findings.measures.add("points_in_no_box", CATEGORIES[index], 0.0, "", float(own.sum()))
    if thing.sum() >= _AGREE_POINTS and lone.sum() > max(_AGREE_POINTS, _UNBOXED_SHARE * thing.sum()):
        names = sorted({CATEGORIES[k] for k in np.unique(classes[lone])})
        message = f"{int(lone.sum())} of {int(thing.sum())} points of things within {_UNBOXED_M:g} m"
        findings.add(
            "lidarseg",
            where,
            f"{message} are in no box of their category ({', '.join(names)}); is an annotation missing?",
        )


def check_panoptic(
    dataset: Dataset, scene: Scene, data: Data, sweep: Sweep, classes: Classes | None, findings: Findings
) -> dict[int, str]:
    """The panoptic file of a lidar keyframe follows from its classes and boxes.

    Returns:
        The instance that each id stands for in this file, for `check_ids`.
    """
    if "panoptic" not in dataset.extras:
        return {}
    where, row = only_row(dataset, scene, data, "panoptic", "panoptic", findings)
    if row is None:
        return {}
    _check_row("panoptic", f"{data.token}_panoptic.npz", dataset, data, row, findings)
    path = locate(dataset, row["filename"], where, findings)
    if path is None:
        return {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            labels = np.asarray(archive["data"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        findings.add("panoptic", where, f"{path.name} cannot be read ({type(error).__name__}); want npz with 'data'")
        return {}
    if labels.dtype != np.uint16 or labels.shape != (len(sweep.points),):
        message = f"data is {labels.dtype} {labels.shape}; want uint16 ({len(sweep.points)},), one a point"
        findings.add("panoptic", where, message)
        return {}
    if classes is not None and (wrong := int(((labels // 1000 != classes) & (labels != 0)).sum())):
        message = f"{wrong} of {len(labels)} points have another category than in lidarseg; want 1000 * category + id"
        findings.add("panoptic", where, message)
        return {}
    return _check_ids_of_points(scene, data, sweep, labels, classes, where, findings)


def _check_ids_of_points(
    scene: Scene,
    data: Data,
    sweep: Sweep,
    labels: npt.NDArray[np.uint16],
    classes: Classes | None,
    where: str,
    findings: Findings,
) -> dict[int, str]:
    """A thing's point in exactly one box of its category has that box's id; in none or several, the label is 0.

    Source: the devkit's generate_panoptic_labels. Stuff has the id 0.
    """
    world = move(data.world_from_sensor, sweep.points)
    annotations = scene.annotations.get(data.sample_token, ())
    categories, ids = (labels // 1000 if classes is None else classes), labels % 1000
    surely, perhaps = box_owners(world, annotations, categories)
    found: dict[int, str] = {}
    thing = np.isin(categories, THINGS)
    wrong = int((ids[~thing] != 0).sum()) + int((labels[thing & ~perhaps] != 0).sum())
    wrong += int((labels[~thing] == 0).sum() - (categories == 0).sum())
    for k, annotation in enumerate(annotations):
        own = ids[surely == k]
        if len(own) == 0:
            continue
        value = int(np.bincount(own).argmax())
        wrong += len(own) if value == 0 else int((own != value).sum())
        if value and found.setdefault(value, annotation.instance_token) != annotation.instance_token:
            findings.add("panoptic", where, f"id {value} is on the points of two instances; want one each")
    if wrong > max(1, _PANOPTIC_SLACK * len(ids)):
        message = f"{wrong} of {len(ids)} points have not the id of the one box of their category that they are in"
        findings.add("panoptic", where, f"{message}, or 0; want the rule of the devkit's generate_panoptic_labels")
    return found


def check_ids(scene: Scene, by_sample: Sequence[Mapping[int, str]], findings: Findings) -> None:
    """An instance has one id throughout a scene, and no id stands for two."""
    known: dict[int, str] = {}
    back: dict[str, int] = {}
    for ids in by_sample:
        for value, instance in ids.items():
            if known.setdefault(value, instance) != instance or back.setdefault(instance, value) != value:
                message = f"id {value} is instance {instance} here and another elsewhere; want one id an instance"
                findings.add("panoptic", f"panoptic of {scene.name}", message)
                return

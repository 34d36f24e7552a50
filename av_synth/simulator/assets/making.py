"""From a recipe and the files of a model to a look."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.assets import wheels
from av_synth.simulator.assets.atlas import atlas
from av_synth.simulator.assets.decimation import simplified
from av_synth.simulator.assets.facing import joined, seen_from_outside
from av_synth.simulator.assets.files import Files
from av_synth.simulator.assets.gltf import read_gltf
from av_synth.simulator.assets.look import Credit, Look
from av_synth.simulator.assets.model import Integers, Model, distinct, welded
from av_synth.simulator.assets.recipe import AssetsFile, Finish, LookRecipe
from av_synth.simulator.assets.rigging import BONES, Rig, hanging, rigged
from av_synth.simulator.assets.shading import vertices
from av_synth.simulator.assets.wavefront import read_obj
from av_synth.simulator.bodies import shapes
from av_synth.simulator.scene import UNPAINTED, Material

_MAX_TRIANGLES = 500_000
_OUTER = 0.68  # of a lamp's width, from which on it is the indicator where a model has none
_WORTH_OF_TYRES = 20.0  # that is where a wheel that is not round shows
_BADGE = (52, 53, 56)
_REFLECTOR = (158, 164, 170)  # of one colour all over, as bright as lamps are on the whole
_WHITE = (255, 255, 255)

_MATERIALS = {
    Finish.PAINT: (Material.PAINT, UNPAINTED),
    Finish.GLASS: (Material.GLASS, shapes.GLASS.colour),
    Finish.HEAD_LAMP: (Material.LAMP_FRONT, _REFLECTOR),
    Finish.TAIL_LAMP: (Material.LAMP_BRAKE, shapes.TAIL_LAMP.colour),
    Finish.BADGE: (Material.MATTE, _BADGE),
}
Flags = npt.NDArray[np.bool_]


def make(recipe: LookRecipe, told: AssetsFile, files: Files) -> Look:
    """Read a model and turn it into a look.

    Args:
        recipe: of the look.
        told: the file that the recipe is in.
        files: where `recipe.file` is.

    Raises:
        DataError: the model cannot be read, or nothing is left of it.
    """
    model = distinct(welded(_turned(_read(recipe, files), recipe)))
    if not len(model.triangles):
        raise DataError(f"{recipe.file}: no triangle of it has an area")
    model, finishes = _finished(_standing(model), recipe)
    is_tyre = np.array([finish is Finish.TYRE for finish in finishes])
    model = _standing(
        replace(model, points=wheels.straightened(model.points, model.triangles[is_tyre[model.substance]]))
    )
    model = welded(_seen(model, recipe))
    if not len(model.triangles):
        raise DataError(f"{recipe.file}: nothing of it is seen from outside; see `finishes` of {recipe.name}")
    model = _standing(simplified(model, recipe.triangles, np.where(is_tyre, _WORTH_OF_TYRES, 1.0)))
    texture, places = atlas(model, _with_pictures(model, finishes))
    materials, colours = _materials(model, finishes)
    merged = vertices(model.points, model.triangles, materials, colours, places)
    found = wheels.find(model.points, model.triangles[is_tyre[model.substance]])
    rig = Rig(np.zeros((0, 2, 3), np.float32), np.zeros((0, BONES), np.float32))
    if recipe.legs is not None:
        rig = rigged(
            merged.points_m.astype(np.float64), merged.triangles.astype(np.int64), recipe.legs, recipe.arms, recipe.name
        )
    return Look(
        name=recipe.name,
        credit=Credit(recipe.title, recipe.author or told.author, told.licence, told.licence_url, told.source),
        stretch=recipe.stretch,
        points_m=merged.points_m,
        normals=merged.normals,
        colours=merged.colours,
        materials=merged.materials,
        uvs=merged.uvs,
        triangles=merged.triangles,
        wheel=wheels.membership(found, merged.points_m),
        hubs_m=np.array([wheel.hub for wheel in found], dtype=np.float32).reshape(-1, 3),
        joints_m=rig.joints_m,
        weights=rig.weights,
        texture=texture if np.any(materials == Material.TEXTURED) else np.zeros((0, 0, 3), np.uint8),
    )


def _seen(model: Model, recipe: LookRecipe) -> Model:
    """The model without hidden triangles; what hanging arms hide, and of them, shows when they swing."""
    if recipe.arms is None:
        return seen_from_outside(model)
    arm = hanging(model.points, model.triangles, recipe.arms)
    parts = [seen_from_outside(model.kept(chosen)) for chosen in (~arm, arm) if chosen.any()]
    return parts[0] if len(parts) == 1 else joined(*parts)


def _read(recipe: LookRecipe, files: Files) -> Model:
    suffix = recipe.file.rpartition(".")[2].lower()
    readers = {"obj": read_obj, "gltf": read_gltf, "glb": read_gltf}
    if suffix not in readers:
        raise DataError(f"{recipe.file}: got a file of the kind {suffix!r}; want .obj, .gltf or .glb")
    model = readers[suffix](files, recipe.file)
    if len(model.triangles) > _MAX_TRIANGLES:
        raise DataError(f"{recipe.file}: {len(model.triangles)} triangles; want at most {_MAX_TRIANGLES}")
    if not (np.isfinite(model.points).all() and np.isfinite(model.uvs).all()):
        raise DataError(f"{recipe.file}: a point, or its place in a picture, is not finite")
    return model


def _turned(model: Model, recipe: LookRecipe) -> Model:
    """The model in the axes of bodies: x forward, y left, z up."""
    forward, up = (_axis(word) for word in (recipe.forward, recipe.up))
    if abs(forward @ up) > 0.5:
        raise DataError(f"{recipe.name}: forward {recipe.forward} and up {recipe.up}; want two different axes")
    return replace(model, points=model.points @ np.stack([forward, np.cross(up, forward), up]).T)


def _axis(word: str) -> Array:
    axis = np.zeros(3)
    axis["xyz".index(word[1])] = 1.0 if word[0] == "+" else -1.0
    return axis


def _standing(model: Model) -> Model:
    """The model with the middle of its box over the origin, and its lowest point on the ground."""
    if not len(model.points):
        return model
    low, high = model.points.min(axis=0), model.points.max(axis=0)
    return replace(model, points=model.points - np.array([*((low + high) / 2)[:2], low[2]]))


def _finished(model: Model, recipe: LookRecipe) -> tuple[Model, list[Finish | None]]:
    """The model without what is left out, with a substance of its own for each region, and the finish of each."""
    _check_names(model, recipe)
    substances = list(model.substances)
    finishes: list[Finish | None] = [_finish_of(each.name, recipe) for each in substances]
    kept = np.array([finish is not Finish.LEFT_OUT for finish in finishes])[model.substance]
    model = _standing(model.kept(kept))
    if not len(model.triangles):
        raise DataError(f"{recipe.file}: `finishes` of {recipe.name} leave nothing of it")
    substance = model.substance.copy()
    names = np.array([each.name for each in substances], dtype=object)
    share = _shares(model.points, model.points[model.triangles].mean(axis=1))
    for region in recipe.regions:
        inside = np.zeros(len(share), dtype=bool)
        for mirrored in (False, True):
            place = share * [1, -1, 1] + [0, 1, 0] if mirrored else share
            inside |= np.all((place >= region.low) & (place <= region.high), axis=1)
        if region.of:
            inside &= np.isin(names[model.substance], region.of)
        for number in np.unique(model.substance[inside]):
            substance[inside & (model.substance == number)] = len(substances)
            substances.append(replace(substances[int(number)], picture=None))
            finishes.append(region.finish)
    model = replace(model, substance=substance, substances=tuple(substances))
    return model.kept(np.array([finish is not Finish.LEFT_OUT for finish in finishes])[substance]), finishes


def _check_names(model: Model, recipe: LookRecipe) -> None:
    """Raise DataError where a recipe names what the model is not made of: a finish would be lost without a word."""
    names = [each.name for each in model.substances]
    lost = [pattern for pattern in recipe.finishes if not any(fnmatchcase(name, pattern) for name in names)]
    lost += [name for region in recipe.regions for name in region.of if name not in names]
    if lost:
        raise DataError(
            f"{recipe.file}: has no material {', '.join(map(repr, dict.fromkeys(lost)))}; "
            f"want of {', '.join(repr(name) for name in names if name) or 'none: its materials have no names'}"
        )


def _shares(points: Array, places: Array) -> Array:
    """Places (N, 3) as shares of the box around points (P, 3)."""
    low = points.min(axis=0)
    return (places - low) / np.maximum(np.ptp(points, axis=0), 1e-12)


def _finish_of(name: str, recipe: LookRecipe) -> Finish | None:
    for pattern, finish in recipe.finishes.items():
        if fnmatchcase(name, pattern):
            return finish
    return None


def _with_pictures(model: Model, finishes: list[Finish | None]) -> Integers:
    return np.array(
        [k for k, each in enumerate(model.substances) if each.picture is not None and finishes[k] is None],
        dtype=np.int64,
    )


def _materials(model: Model, finishes: list[Finish | None]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Material (T,) and sRGB colour (T, 3) of each triangle."""
    kinds, tones = [], []
    for substance, finish in zip(model.substances, finishes, strict=True):
        if finish in _MATERIALS:
            kind, tone = _MATERIALS[finish]
        elif finish is None and substance.picture is not None:
            kind, tone = Material.TEXTURED, _WHITE
        else:
            kind, tone = Material.METAL if finish is Finish.METAL else Material.MATTE, substance.colour
        kinds.append(int(kind))
        tones.append(tone)
    materials = np.array(kinds, dtype=np.uint8)[model.substance]
    colours = np.array(tones, dtype=np.uint8)[model.substance]
    blinking = np.array([finish is Finish.BLINKER for finish in finishes])[model.substance]
    colours[blinking] = shapes.LEFT_LAMP.colour
    middles = model.points[model.triangles].mean(axis=1)
    # what is clear glass at the rear lights the way back
    materials[(materials == int(Material.LAMP_FRONT)) & (middles[:, 0] < 0)] = int(Material.MATTE)
    for material, tone in ((Material.LAMP_FRONT, shapes.CLEAR_BLINKER), (Material.LAMP_BRAKE, shapes.AMBER_BLINKER)):
        lamp = materials == int(material)
        ahead = material is Material.LAMP_FRONT
        if lamp.any() and not np.any(blinking & ((middles[:, 0] > 0) == ahead)):
            outer = lamp & _outermost(np.abs(middles[:, 1]), lamp)
            blinking |= outer
            colours[outer] = tone
    materials[blinking] = np.where(middles[blinking, 1] > 0, int(Material.LAMP_LEFT), int(Material.LAMP_RIGHT))
    return materials, colours


def _outermost(aside: Array, lamp: Flags) -> Flags:
    """Triangles whose middles are in the outer part of what the lamps (T,) span away from the middle line."""
    low, high = float(aside[lamp].min()), float(aside[lamp].max())
    return np.asarray(aside > low + _OUTER * (high - low), dtype=bool)

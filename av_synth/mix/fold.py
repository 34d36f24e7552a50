"""The rows and files of one dataset as they are in a mix: of the scenes that are taken, with the names of the mix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from av_synth.mix.choice import Taken
from av_synth.mix.files import Files, renamed_file
from av_synth.mix.ingredients import MIX_SCENE, Ingredient, Row
from av_synth.mix.names import Tokens
from av_synth.mix.vocabulary import Vocabulary

_OWN = ("scene", "sample", "sample_data", "ego_pose", "sample_annotation", "instance", "calibrated_sensor")
_JOINED = ("sensor", "category", "attribute", "visibility", "semantic_class", "log", "map")
_VOCABULARY = {"sensor_token": "sensor", "category_token": "category", "visibility_token": "visibility"}

_ABOUT: Mapping[str, str] = {
    **dict.fromkeys(("instance_mask", "lidarseg", "panoptic", "label_image", "lidar_instance"), "sample_data_token"),
    **dict.fromkeys(("lidar_time", "radar_truth", "clock_truth"), "sample_data_token"),
    **dict.fromkeys(("box_2d", "image_annotations", "annotation_truth", "label_quality"), "sample_annotation_token"),
    **dict.fromkeys(("camera_lens", "camera_shutter", "lidar_device", "calibration_truth"), "calibrated_sensor_token"),
    "sample_truth": "sample_token",
    "instance_actor": "instance_token",
    "motion_sensor": "scene_token",
    "counterfactuals": "scene_token",
}
"""What the rows of each table beyond nuScenes' own are about."""

EXTRAS = tuple(_ABOUT)
_FILES = ("filename", "semantic", "depth", "flow")


@dataclass
class Fold:
    """Goes through a dataset table by table.

    Attributes:
        ingredient: the dataset.
        taken: its scenes that are taken.
        scenes: what these are called in the mix, by their tokens in the dataset.
        version: the folder of tables of the mix.
        vocabulary: what all its datasets share.
        tokens: of the dataset.
        logfiles: names of logs that have others in the mix, by those that they had.
        locations: what its locations are called there.
        files: where files go.
        kept: tokens in the dataset of everything that is taken; filled on the way.
    """

    ingredient: Ingredient
    taken: Sequence[Taken]
    scenes: Mapping[str, str]
    version: str
    vocabulary: Vocabulary
    tokens: Tokens
    logfiles: Mapping[str, str]
    locations: Mapping[str, str]
    files: Files
    kept: set[str] = field(default_factory=set)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """All rows with the tables they are of; files are put in place on the way.

        Raises:
            DataError: if a key leads nowhere, or a file is not there.
            StoreError: if a table cannot be read.
        """
        samples = {token: one for one in self.taken for token in one.scene.samples[: one.samples]}
        self.kept |= {*samples, *(one.scene.token for one in self.taken)}
        for row in self.ingredient.rows("scene"):
            if row["token"] in self.kept:
                yield "scene", self._scene(row)
        for row in self.ingredient.rows("sample"):
            if row["token"] in self.kept:
                yield "sample", self._renamed(row)
        yield from self._sensor_rows()
        yield from self._annotations()
        # rows that name more than `_renamed` sees; None for one that is gone
        special: Mapping[str, Callable[[Row], Row | None]] = {
            "instance_mask": self._mask,
            "sample_truth": self._truth,
            "counterfactuals": self._counterparts,
        }
        for table, about in _ABOUT.items():
            for row in self.ingredient.rows(table):
                if row[about] in self.kept and not self.tokens.is_shared(row[about]):
                    extra = special[table](row) if table in special else row
                    if extra is not None:
                        yield table, self._renamed(extra)

    @staticmethod
    def left_out(ingredient: Ingredient) -> list[str]:
        """Tables of a dataset that are not known here, so that nobody can say what of them belongs to which scene."""
        known = {*_OWN, *_JOINED, *EXTRAS, MIX_SCENE, "splits", "av_synth", "mix"}
        return sorted({path.stem for path in ingredient.tables.glob("*.json")} - known)

    def _scene(self, row: Row) -> Row:
        one = next(one for one in self.taken if one.scene.token == row["token"])
        changed: Row = {"name": self.scenes[row["token"]]}
        if one.cut:
            changed |= {"nbr_samples": one.samples, "last_sample_token": one.scene.samples[one.samples - 1]}
        return self._renamed({**row, **changed})

    def _sensor_rows(self) -> Iterator[tuple[str, Row]]:
        records = [row for row in self.ingredient.rows("sample_data") if row["sample_token"] in self.kept]
        self.kept |= {row[name] for row in records for name in ("token", "ego_pose_token", "calibrated_sensor_token")}
        for row in self.ingredient.rows("calibrated_sensor"):
            if row["token"] in self.kept and not self.tokens.is_shared(row["token"]):
                yield "calibrated_sensor", self._renamed(row)
        for row in self.ingredient.rows("ego_pose"):
            if row["token"] in self.kept:
                yield "ego_pose", self._renamed(row)
        for row in records:
            yield "sample_data", self._renamed(row)

    def _annotations(self) -> Iterator[tuple[str, Row]]:
        boxes = [row for row in self.ingredient.rows("sample_annotation") if row["sample_token"] in self.kept]
        self.kept |= {row["token"] for row in boxes}
        when = {token: place for one in self.taken for place, token in enumerate(one.scene.samples)}
        tracks: dict[str, list[Row]] = defaultdict(list)
        for row in boxes:
            tracks[row["instance_token"]].append(row)
            yield "sample_annotation", self._renamed(row)
        self.kept |= tracks.keys()
        for row in self.ingredient.rows("instance"):
            if row["token"] in tracks:
                track = sorted(tracks[row["token"]], key=lambda box: when[box["sample_token"]])
                ends = {"first_annotation_token": track[0]["token"], "last_annotation_token": track[-1]["token"]}
                yield "instance", self._renamed({**row, "nbr_annotations": len(track), **ends})

    def _renamed(self, row: Row) -> Row:
        """A row with the names that the mix has; chains end where what they go on to is not taken."""
        return {name: self._value(name, value) for name, value in row.items()}

    def _value(self, name: str, value: object) -> object:
        if name in ("prev", "next") and isinstance(value, str):
            return self.tokens(value) if value in self.kept else ""
        if name in _VOCABULARY and isinstance(value, str):
            return self.vocabulary.token(self.ingredient, _VOCABULARY[name], value)
        if name == "attribute_tokens" and isinstance(value, list):
            return [self.vocabulary.token(self.ingredient, "attribute", token) for token in value]
        if (name == "token" or name.endswith("_token")) and isinstance(value, str):
            return self.tokens(value)
        if name in _FILES and isinstance(value, str) and value:
            target = renamed_file(value, self.ingredient, self.version, self.logfiles, self.tokens)
            return self.files.place(self.ingredient.root / value, target)
        return value

    def _mask(self, row: Row) -> Row:
        shown = {pixel: self.tokens(token) for pixel, token in row["instances"].items() if token in self.kept}
        return {**row, "instances": shown}

    def _truth(self, row: Row) -> Row:
        return {**row, "criticality": [self.known(entry) for entry in row["criticality"]]}

    def known(self, entry: Row) -> Row:
        """Something that names instances, with their tokens in the mix; '' for those that are not taken."""
        return {
            name: (self.tokens(value) if value in self.kept else "") if name.endswith("instance_token") else value
            for name, value in entry.items()
        }

    def _counterparts(self, row: Row) -> Row | None:
        if row["counterpart_scene_token"] not in self.kept:
            return None
        both = {
            name: {self.tokens(a): self.tokens(b) for a, b in row[name].items() if {a, b} <= self.kept}
            for name in ("samples", "instances")
        }
        return {**row, **both}

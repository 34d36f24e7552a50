"""JSON tables of the synthetic dataset, mutated: whatever is in them is a finding, never an exception."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import cv2
import pytest
import synthetic_dataset as synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_copies import Copy

from av_synth.verify import VerifyReport, verify, write_text_report

TABLES = (
    *("sensor", "calibrated_sensor", "ego_pose", "log", "map", "scene", "sample", "sample_data", "category"),
    *("attribute", "visibility", "instance", "sample_annotation", "instance_mask"),
)
EXTRA_TABLES = (
    *("lidarseg", "panoptic", "box_2d", "label_image", "semantic_class", "annotation_truth", "sample_truth"),
    *("label_quality", "calibration_truth", "clock_truth"),
)
OTHER_FILES = ("maps/expansion/plane.json", "maps/prediction/prediction_scenes.json", "can_bus/scene-0001_pose.json")
OTHER_FILES += ("can_bus/scene-0001_zoe_veh_info.json", "can_bus/scene-0001_route.json")

DIGITS = ("\u00b2", "\u0663", "\uff11", "-1", "1e3", " 1", "0x1", "9" * 5000, "70000")
FILES = (b"", b"[", b"null", b"{}", b'"x"', b"[NaN]", b"\xff\xfe", b"[" + b"9" * 5000 + b"]", b"[" * 100_000)
# of no kind that any field has
JUNK = st.one_of(
    st.none(),
    st.sampled_from([math.nan, math.inf, -math.inf, 10**400, -(10**400), -0.5, 1e9, 1.5]),
    st.recursive(st.none(), lambda inner: st.lists(inner, min_size=1, max_size=2), max_leaves=6),
    st.lists(st.sampled_from([math.nan, 1e300, None, "1", [], {}]), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(DIGITS), st.sampled_from(["", "x", None, 3, []]), min_size=1, max_size=2),
)
WORDS = st.sampled_from(
    ["", "x", ".", "\x00", "\ud800", "a" * 5000, "/", "scene-\u0660\u0660\u0660\u0661", "\u00b2", "CAM_FRONT", "radar"]
)
NUMBERS = st.sampled_from([0, 1, -1, 1e-300, -1e-9, 0.3, 1e7, -9.9e7, 3])
COUNTS = st.sampled_from([0, 1, 2, 77, 10**8])
TIMES = st.sampled_from([0, -1, -(2**63) + 1, 2**63 - 1, synthetic.START_US, synthetic.START_US + 500_000])


@pytest.fixture(scope="module")
def mutable(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """One dataset for all, of two cameras: each example puts back what it has changed."""
    copy = Copy(synthetic.build(tmp_path_factory.mktemp("mutable"), (0,), ("CAM_FRONT", "CAM_BACK_RIGHT")))
    tell_of_faults(copy)
    assert verify(copy.root, synthetic.VERSION).found == {}
    return copy


def tell_of_faults(copy: Copy) -> None:
    """Give it faults of mounts and clocks that are none: nothing is off by anything."""
    calibrations = {row["token"]: row for row in copy.rows("calibrated_sensor")}
    poses = {row["token"]: row for row in copy.rows("ego_pose")}
    mounts = [
        {"token": token, "calibrated_sensor_token": token, **{key: row[key] for key in ("translation", "rotation")}}
        for token, row in calibrations.items()
    ]
    times = [
        {"token": row["token"], "sample_data_token": row["token"], **of_pose(poses[row["ego_pose_token"]])}
        for row in copy.rows("sample_data")[::3]
    ]
    samples = copy.rows("sample_truth")
    whenever = {"channel": "CAM_FRONT", "since": 0, "until": None}
    for row in samples:
        row["faults"] = [
            {**whenever, "kind": "miscalibration", "rotation_deg": [0.0, 0.0, 0.0], "translation_m": [0.0, 0.0, 0.0]},
            {**whenever, "kind": "clock", "offset_ms": 0.0, "jitter_ms": 1.0},
            {**whenever, "kind": "lost", "share": 0.5, "lost": []},
        ]
    for name, rows in (("calibration_truth", mounts), ("clock_truth", times), ("sample_truth", samples)):
        copy.table_path(name).unlink(missing_ok=True)
        copy.table_path(name).write_text(json.dumps(rows))


def of_pose(pose: dict[str, Any]) -> dict[str, Any]:
    return {key: pose[key] for key in ("timestamp", "translation", "rotation")}


def verify_with(copy: Copy, contents: dict[str, bytes]) -> VerifyReport:
    """Verify with some tables replaced; what is said must also be fit to print."""
    before = {name: copy.table_path(name).read_bytes() for name in contents}
    try:
        for name, content in contents.items():
            copy.write(copy.table_path(name), content)
        report = verify(copy.root, synthetic.VERSION)
    finally:
        for name, content in before.items():
            copy.write(copy.table_path(name), content)
    write_text_report(report).encode()
    return report


def mutated(copy: Copy, table: str, change: Callable[[list[dict[str, Any]]], object]) -> dict[str, bytes]:
    rows = copy.rows(table)
    change(rows)
    return {table: json.dumps(rows).encode()}


@settings(max_examples=60, deadline=None)
@given(table=st.sampled_from((*TABLES, *EXTRA_TABLES)), junk=JUNK, data=st.data())
def test_a_value_of_no_kind_that_its_field_has_is_found(mutable: Copy, table: str, junk: Any, data: Any) -> None:
    may_be_absent = {"index", "value", "visible_fraction", "distance_m"}

    def change(rows: list[Any]) -> None:
        row = data.draw(st.integers(0, len(rows) - 1))
        field = data.draw(st.sampled_from([None, *sorted(rows[row].keys() - may_be_absent)]))
        if field is None:
            rows[row] = junk
        elif data.draw(st.booleans()):
            del rows[row][field]
        else:
            rows[row][field] = junk

    report = verify_with(mutable, mutated(mutable, table, change))

    assert report.problems


@pytest.mark.parametrize("table", ["sample_annotation", "instance_mask"])
@pytest.mark.parametrize("content", FILES, ids=[repr(content[:8]) for content in FILES])
def test_a_file_that_is_no_table_is_found(mutable: Copy, table: str, content: bytes) -> None:
    assert verify_with(mutable, {table: content}).problems


@pytest.mark.parametrize(
    "splits", [{"all": [["x"]]}, {"all": [{}, None, 10**400]}, {"\ud800": ["\ud800"]}, {"all": "x"}]
)
def test_splits_of_anything_but_scene_names_are_found(mutable: Copy, splits: Any) -> None:
    found = verify_with(mutable, {"splits": json.dumps(splits).encode()}).problems

    assert {problem.check for problem in found} == {"names"}


@pytest.mark.parametrize("digits", DIGITS)
def test_a_pixel_value_is_plain_digits(mutable: Copy, digits: str) -> None:
    change = mutated(mutable, "instance_mask", lambda rows: rows[0]["instances"].update({digits: "x"}))

    (problem,) = verify_with(mutable, change).problems

    assert problem.check == "schema"
    assert "want an object of pixel value (0 to 65535) to instance token" in problem.message


def test_a_fault_of_a_channel_that_is_no_text_is_found(mutable: Copy) -> None:
    change = mutated(mutable, "sample_truth", lambda rows: rows[0]["faults"][-1].update(channel=["CAM_FRONT"]))

    (problem,) = verify_with(mutable, change).problems

    assert problem.check == "faults"
    assert "is of no sensor of this scene; want a channel" in problem.message


@pytest.mark.parametrize("role", ["role", "other_role"])
def test_a_role_that_is_no_text_is_found(mutable: Copy, role: str) -> None:
    change = mutated(mutable, "sample_truth", lambda rows: rows[0]["criticality"][0].update({role: ["ego"]}))

    (problem,) = verify_with(mutable, change).problems

    assert problem.check == "schema"


def test_times_that_are_ten_times_too_large_are_found_beside_true_ones(mutable: Copy) -> None:
    """A double has no room for them."""

    def too_large(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["timestamp"] = 10 * row["timestamp"] + 1

    def off_as_well(rows: list[dict[str, Any]]) -> None:
        too_large(rows)
        rows[0]["timestamp"] += 5000

    change = mutated(mutable, "clock_truth", off_as_well)
    for table in ("sample", "sample_data", "ego_pose"):
        change |= mutated(mutable, table, too_large)

    report = verify_with(mutable, change)

    assert "which is ten times too large" in str(report)


def test_a_folder_that_is_called_as_a_vector_map_is_found(mutable: Copy) -> None:
    folder = mutable.root / "maps/expansion/town.json"
    folder.mkdir()

    report = verify(mutable.root, synthetic.VERSION)

    folder.rmdir()
    assert [(problem.check, problem.where) for problem in report.problems] == [("map_expansion", "town.json")]


def test_an_arc_without_a_radius_worth_the_name_is_found(mutable: Copy) -> None:
    (problem, *_) = verify_with_map(mutable, tightest).problems

    assert problem.check == "map_lanes"
    assert "radius 1e-320" in problem.message


def test_a_canvas_without_a_width_worth_the_name_is_found(mutable: Copy) -> None:
    (problem, *_) = verify_with_map(mutable, lambda content: content.update(canvas_edge=[1e-320, 1e7])).problems

    assert problem.check == "map_expansion"
    assert "canvas_edge = [1e-320, 10000000.0]; want [width, height] in metres" in problem.message


def tightest(content: dict[str, Any]) -> None:
    arc = next(iter(content["arcline_path_3"].values()))[0]
    arc.update(shape="LSR", radius=1e-320, segment_length=[1e7, 0.0, 0.0])


def verify_with_map(copy: Copy, change: Callable[[dict[str, Any]], object]) -> VerifyReport:
    path = copy.root / OTHER_FILES[0]
    before = path.read_bytes()
    content = json.loads(before)
    change(content)
    copy.write(path, json.dumps(content).encode())
    try:
        return verify(copy.root, synthetic.VERSION)
    finally:
        copy.write(path, before)


def test_images_of_one_height_and_two_widths_are_not_compared(mutable: Copy) -> None:
    first, second = (row for row in mutable.rows("sample_data")[:2])
    path = mutable.root / second["filename"]
    before = path.read_bytes()
    mutable.write(path, cv2.imencode(".jpg", cv2.imread(str(path))[:, :100])[1].tobytes())
    change = mutated(mutable, "sample_data", lambda rows: rows[1].update(width=100))

    report = verify_with(mutable, change)

    mutable.write(path, before)
    assert first["width"] == 160
    assert report.counts["image_on_masks"] > 0


def odd(value: Any, rows: list[dict[str, Any]], field: str) -> st.SearchStrategy[Any]:
    """Values of the very kind that a field has, and yet none that it should have."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int):
        return TIMES if field == "timestamp" else COUNTS
    if isinstance(value, float):
        return NUMBERS
    if isinstance(value, str):
        others = [row[field] for row in rows if isinstance(row[field], str)]
        return st.one_of(st.sampled_from(others), WORDS) if others else WORDS
    if isinstance(value, dict):
        return st.sampled_from([{}, {"0": next(iter(value.values()), "x")}, {"00101": "x"}, {"65535": "x"}])
    if not value:
        return st.sampled_from([[["x"]], [[0, 0, 0], [0, 0, 0], [0, 0, 0]], ["x", "x"], [0, 0, 0]])
    place = st.integers(0, len(value) - 1)
    change = place.flatmap(lambda k: odd(value[k], [], field).map(lambda v: [*value[:k], v, *value[k + 1 :]]))
    return st.one_of(change, st.just([]), st.just([*value, *value]))


def _junk_in_a_file_does_not_raise(mutable: Copy, path: str, junk: Any, data: Any) -> None:
    before = (mutable.root / path).read_bytes()
    content = json.loads(before)
    holder: Any = {"": content}
    key: Any = ""
    for _ in range(data.draw(st.integers(0, 4))):
        inner = holder[key]
        if not isinstance(inner, (dict, list)) or not inner:
            break
        holder, key = inner, data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
    holder[key] = junk
    try:
        mutable.write(path, json.dumps(content if key != "" else junk).encode())
        verify(mutable.root, synthetic.VERSION)
    finally:
        mutable.write(path, before)


_any_file = given(path=st.sampled_from(OTHER_FILES), junk=JUNK, data=st.data())
test_junk_in_map_prediction_and_can_files_never_raises = settings(max_examples=15)(
    _any_file(_junk_in_a_file_does_not_raise)
)
test_much_junk_in_map_prediction_and_can_files_never_raises = pytest.mark.long(
    settings(max_examples=300)(_any_file(_junk_in_a_file_does_not_raise))
)


def _an_odd_value_does_not_raise(mutable: Copy, table: str, data: Any) -> None:
    def change(rows: list[Any]) -> None:
        row = data.draw(st.sampled_from(rows))
        field = data.draw(st.sampled_from(sorted(row)))
        new = data.draw(odd(row[field], rows, field))
        for each in rows if data.draw(st.booleans()) and field != "token" else [row]:
            each[field] = new

    verify_with(mutable, mutated(mutable, table, change))


_any_table = given(table=st.sampled_from((*TABLES, *EXTRA_TABLES)), data=st.data())
test_odd_values_of_the_right_kind_never_raise = settings(max_examples=25)(_any_table(_an_odd_value_does_not_raise))
test_many_odd_values_of_the_right_kind_never_raise = pytest.mark.long(
    settings(max_examples=500)(_any_table(_an_odd_value_does_not_raise))
)

"""User YAML: what is read, what is refused, and how mistakes are told."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from av_synth import documents
from av_synth.documents import Strict
from av_synth.errors import DocumentError
from av_synth.messages import nearest


class Wheel(Strict):
    radius_m: float = Field(gt=0, le=2, description="a radius")


class Car(Strict):
    name: str = Field(description="a name")
    doors: int = 4
    electric: bool = False
    wheels: tuple[Wheel, ...] = ()
    lamps: dict[str, Wheel] = {}
    mirrors: tuple[Wheel, ...] = Field((), min_length=1)


def messages(text: str | bytes, model: type[Strict] = Car) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        documents.validate(documents.parse(text, "car.yaml"), model)
    return str(caught.value).splitlines()


def test_a_list_is_not_too_short_for_what_is_wrong_with_its_items() -> None:
    assert messages("name: a\nmirrors:\n  - {radius_m: 3}") == [
        "car.yaml:3: mirrors[0].radius_m: got 3; want more than 0 and at most 2"
    ]
    assert messages("name: a\nmirrors: []") == ["car.yaml:2: mirrors: got a list of 0; want at least 1 item"]


def test_plain_scalars_have_one_meaning_only() -> None:
    text = "[no, on, 010, 0x10, 12:30:45, 2020-01-01, 1_000, .inf, .nan, 1e999, null, true, 3, -2.5e1, '7']"

    data = documents.parse(text, "x").data

    typed_as_is = ["no", "on", "010", "0x10", "12:30:45", "2020-01-01", "1_000", ".inf", ".nan", "1e999"]
    assert data == [*typed_as_is, None, True, 3, -25.0, "7"]


def test_every_mistake_is_reported_at_once_with_its_line_and_what_was_wanted() -> None:
    text = "nam: x\ndoors: four\nelectric: no\nwheels:\n  - radius_m: 0.3\n  - radius_m: -1\n"
    text += "lamps:\n  left: {radus_m: 1}\n"

    assert messages(text) == [
        "car.yaml:1: name: is missing; want a name",
        "car.yaml:1: nam: unknown key; did you mean 'name'?",
        "car.yaml:2: doors: got 'four'; want a whole number",
        "car.yaml:3: electric: got 'no'; want true or false",
        "car.yaml:6: wheels[1].radius_m: got -1; want more than 0 and at most 2",
        "car.yaml:8: lamps.left.radius_m: is missing; want a radius",
        "car.yaml:8: lamps.left.radus_m: unknown key; did you mean 'radius_m'?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", "car.yaml:2: a: is there twice, first on line 1; want it once"),
        ("a: !!python/object/apply:os.system [ls]\n", "car.yaml:1: got the tag tag:yaml.org,2002:python/object/apply"),
        ("a: &x 1\nb: *x\n", "car.yaml:2: got the alias *x; want the value written out"),
        ("a: [1\nb: 2\n", "car.yaml:2: is not YAML"),
        ("a:\n\tb: 2\n", "car.yaml:2: is not YAML: a line begins with a tab; want spaces"),
        ("a: 1\n---\nb: 2\n", "car.yaml:2: begins a second document"),
        ("[" * 2000, "car.yaml:1: is too large"),
        ("[1" + ",1" * 30_000 + "]", "car.yaml:1: is too large"),
        (b"name: caf\xe9\n", "car.yaml:1: is not UTF-8"),
        ("name: a\0b\n", "car.yaml: is not YAML"),
        ("", "car.yaml: is empty"),
        ("# nothing\n", "car.yaml: is empty"),
        ("just text\n", "car.yaml:1: got 'just text'; want a mapping"),
        ("? {a: 1}\n: 2\n", "car.yaml:1: has a key that is not text"),
        (b"x" * 1_000_001, "car.yaml: is larger than"),
    ],
)
def test_hostile_or_broken_yaml_is_refused_with_a_place(text: str | bytes, expected: str) -> None:
    assert messages(text)[0].startswith(expected)


def test_a_byte_order_mark_is_read_over() -> None:
    assert documents.parse(b"\xef\xbb\xbfname: x\n", "x").data == {"name": "x"}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#\n\t ,0?%@`", max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes | str) -> None:
    with suppress(DocumentError):
        documents.parse(raw, "fuzz.yaml")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", ".", "", "CON\0", "x" * 300, "tíny", "Tiny"])
def test_names_with_path_parts_are_refused_nicely(name: str) -> None:
    with pytest.raises(DocumentError, match="want a name such as"):
        documents.find("sensors", name)


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(DocumentError, match="did you mean 'nuscenes'"):
        documents.find("sensors", "nuscene")


def test_a_word_that_longer_names_begin_with_is_answered_with_the_first_of_them() -> None:
    keys = ["cloudiness", "fog_distance", "fog_density", "precipitation", "wetness"]

    assert nearest("fog", keys) == "did you mean 'fog_density'?"
    assert "did you mean" not in nearest("fo", keys)


def test_a_path_works_wherever_a_name_does(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("name: x\n")

    assert documents.find("sensors", str(own)) == own
    assert documents.find("sensors", "tiny") == documents.library_root() / "sensors" / "tiny.yaml"
    with pytest.raises(DocumentError, match="there is no such file"):
        documents.find("sensors", str(tmp_path / "none.yaml"))


def test_built_in_documents_are_found_in_folders_by_names_that_are_there_once(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "library_root", lambda: tmp_path)
    for name in ("scenarios/b.yaml", "scenarios/people/a.yaml", "scenarios/people/not a name.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x: 1\n")

    assert documents.names("scenarios") == ("a", "b")
    assert documents.find("scenarios", "a") == tmp_path / "scenarios/people/a.yaml"
    (tmp_path / "scenarios/a.yaml").write_text("x: 1\n")
    with pytest.raises(DocumentError, match=r"a\.yaml and people/a\.yaml have one name; want two"):
        documents.find("scenarios", "a")

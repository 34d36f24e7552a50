"""OpenSCENARIO files with faults: each is told with its line, none ends in something else than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.errors import DocumentError
from av_synth.scenario.openscenario import import_file
from tests.scenario.xosc import at, course, event, lane, speed, start, write

NURBS = (
    '<Nurbs order="2"><ControlPoint weight="{weight}"><Position><WorldPosition x="0" y="0"/></Position></ControlPoint>'
    '<ControlPoint><Position><WorldPosition x="9" y="0"/></Position></ControlPoint>'
    '<Knot value="{knot}"/><Knot value="0"/><Knot value="1"/><Knot value="1"/></Nurbs>'
)
CLOTHOID = '<Clothoid curvature="0" curvatureDot="0" length="{}"><Position>' + lane(-1, 100) + "</Position></Clothoid>"


@pytest.mark.parametrize("encoding", ["shift_jis", "klingon"])
def test_an_encoding_that_is_not_read_is_told(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path)
    file.write_text(file.read_text().replace('encoding="utf-8"', f'encoding="{encoding}"'))

    with pytest.raises(DocumentError, match=r"xosc:1: its encoding is not read.*want UTF-8"):
        import_file(file)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (course("<Polyline/>"), "Polyline: has no points"),
        (course("<ClothoidSpline/>"), "ClothoidSpline: has no points"),
        (course(NURBS.format(weight=0, knot=0)), "ControlPoint.weight: got 0; want more than 0"),
        (course(NURBS.format(weight=1, knot=2)), "its knots do not increase"),
        (course(CLOTHOID.format(-3)), "Clothoid.length: got -3; want 0 or more"),
    ],
)
@pytest.mark.parametrize("begins", ["at the start", "later"])
def test_a_line_that_is_none_is_told(tmp_path: Path, action: str, message: str, begins: str) -> None:
    first = f'<Private entityRef="Other"><PrivateAction>{action}</PrivateAction></Private>'
    if begins == "later":
        file = write(tmp_path, event("Goes", "Other", action, at(3)))
    else:
        file = write(tmp_path, init=start("Ego", lane(-1, 50), "20") + first)

    with pytest.raises(DocumentError, match=message):
        import_file(file)


@pytest.mark.parametrize("times", ["1.2.3", "many"])
@pytest.mark.parametrize("tag", ["ManeuverGroup", "Event"])
def test_a_count_that_is_no_number_is_told(tmp_path: Path, tag: str, times: str) -> None:
    file = write(tmp_path, event("Goes", "Other", speed("5"), at(3), times=7))
    now = {"Event": '"7"', "ManeuverGroup": '"1"'}[tag]
    file.write_text(file.read_text().replace(f"maximumExecutionCount={now}", f'maximumExecutionCount="{times}"'))

    with pytest.raises(DocumentError, match=f"{tag}.maximumExecutionCount: got '{times}'; want a number"):
        import_file(file)


def test_a_line_without_end_is_read_in_few_steps(tmp_path: Path) -> None:
    file = write(tmp_path, event("Goes", "Other", course(CLOTHOID.format("1e12")), at(3)))

    (one,) = import_file(file).scenario.fill({}).events

    assert one.do is not None
    assert one.do.follow_course is not None
    assert len(one.do.follow_course.line) < 5000

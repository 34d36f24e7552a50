"""Opens an OpenDRIVE text that nobody vouches for: bounded, no entities, every number a number."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as ET

from av_synth.errors import DocumentError, Problem

MAX_BYTES = 20_000_000
_SAME = 1e-12  # 1/m
_WHERE = "OpenDRIVE"


def refuse(place: str, message: str) -> DocumentError:
    """The error of a file that cannot be used; `place` is such as 'road 3'."""
    return DocumentError([Problem(_WHERE, place, message)])


def read_text(path: Path) -> str:
    """Text of a file.

    Raises:
        DocumentError: if there is none, it is too large, or it is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unread(path, f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise _unread(path, _too_large())
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unread(path, f"byte {error.start} is not UTF-8; want a file in UTF-8") from error


def _unread(path: Path, message: str) -> DocumentError:
    return DocumentError([Problem(str(path), "", message)])


def parse(text: str) -> ET.Element:
    """The root element, tags without namespaces.

    Raises:
        DocumentError: if it is too large, declares a document type, is not XML or not OpenDRIVE.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise refuse("", _too_large())
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise refuse("", "got a document type declaration; want none: entities of strangers are not expanded")
    try:
        root = ET.fromstring(text)  # noqa: S314  without a document type there are no entities to expand
    except (ET.ParseError, ValueError) as error:
        raise refuse("", f"not XML: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    if root.tag != "OpenDRIVE":
        raise refuse("", f"got root element <{root.tag[:40]}>; want <OpenDRIVE>")
    return root


def readable(root: ET.Element, text: str) -> str:
    """The text that clients get: without spirals of constant curvature, of which CARLA 0.9.16 makes NaN.

    They become the arcs that they are.
    """
    changed = False
    for geometry in root.iter("geometry"):
        spiral = geometry.find("spiral")
        if spiral is not None and abs(float(spiral.get("curvStart", "0")) - float(spiral.get("curvEnd", "0"))) < _SAME:
            ET.SubElement(geometry, "arc", curvature=spiral.get("curvStart", "0"))
            geometry.remove(spiral)
            changed = True
    return ET.tostring(root, encoding="unicode") if changed else text


def number(element: ET.Element, key: str, place: str, default: float | None = None) -> float:
    """A finite attribute.

    Raises:
        DocumentError: if it is none, or missing without a default.
    """
    text = element.get(key)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise refuse(place, f"<{element.tag}> {key} = {_quoted(text)}; want a finite number")
    return value


def whole(element: ET.Element, key: str, place: str) -> int:
    """An attribute that is a whole number of 32 bits: CARLA keeps the ids of roads, lanes and junctions as such.

    Raises:
        DocumentError: if it is none.
    """
    text = element.get(key)
    try:
        value = int(text or "")
    except ValueError:
        value = 2**31
    if not -(2**31) <= value < 2**31:
        raise refuse(place, f"<{element.tag}> {key} = {_quoted(text)}; want a whole number, as CARLA does")
    return value


def _quoted(text: str | None) -> str:
    return "missing" if text is None else repr(text[:40])


def _too_large() -> str:
    return f"larger than {MAX_BYTES / 1e6:.0f} MB; want a smaller map"

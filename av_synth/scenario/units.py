"""Units: the last part of a name says the unit of its value; a value written with another is converted to it.

`ego_speed_kmh: 12 m/s` is 43.2, as a speed of 43.2 km/h. What is given without a unit is in the name's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from av_synth.messages import shown

# as written: what it measures, and how many of its SI unit (angles: degrees) it is
_UNITS: Mapping[str, tuple[str, float]] = {
    "m": ("length", 1.0),
    "cm": ("length", 0.01),
    "mm": ("length", 0.001),
    "km": ("length", 1000.0),
    "s": ("time", 1.0),
    "ms": ("time", 0.001),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "m/s": ("speed", 1.0),
    "km/h": ("speed", 1 / 3.6),
    "mph": ("speed", 0.44704),
    "m/s2": ("acceleration", 1.0),
    "g": ("acceleration", 9.80665),
    "m/s3": ("jerk", 1.0),
    "deg": ("angle", 1.0),
    "rad": ("angle", 57.29577951308232),
    "deg/s": ("turning rate", 1.0),
    "rad/s": ("turning rate", 57.29577951308232),
    "mm/h": ("rain rate", 1.0),
    "Hz": ("frequency", 1.0),
    "kg": ("mass", 1.0),
    "t": ("mass", 1000.0),
}
# how a name ends: the unit
_ENDINGS: Mapping[str, str] = {
    "_mm_h": "mm/h",
    "_kmh": "km/h",
    "_mph": "mph",
    "_mps": "m/s",
    "_mps2": "m/s2",
    "_mps3": "m/s3",
    "_m": "m",
    "_cm": "cm",
    "_mm": "mm",
    "_km": "km",
    "_s": "s",
    "_ms": "ms",
    "_deg": "deg",
    "_rad": "rad",
    "_degps": "deg/s",
    "_radps": "rad/s",
    "_hz": "Hz",
    "_kg": "kg",
}
_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)"
_WITH_UNIT = re.compile(_NUMBER + r"\s*([A-Za-z°%][A-Za-z/²³°%]*[23]?)")


def unit_of(name: str) -> str | None:
    """The unit that a name ends in ('km/h' of ego_speed_kmh), or None."""
    return next((unit for ending, unit in _ENDINGS.items() if name.endswith(ending)), None)


def patterns(unit: str | None = None) -> dict[str, str]:
    """Regular expressions of numbers with a unit, by what they measure; only of those that can be in `unit`."""
    measures = [what for what, _ in _UNITS.values()] if unit is None else [_UNITS[unit][0]]
    found = {}
    for measure in dict.fromkeys(measures):
        known = [
            re.sub(r"([23])$", r"(\1|²|³)", re.escape(name)) for name, (what, _) in _UNITS.items() if what == measure
        ]
        found[measure] = rf"{_NUMBER}\s*({'|'.join(known)})".replace("deg", "(deg|°)")
    return found


def in_unit(text: str, name: str, unit: str) -> float | None:
    """What a text such as '12 m/s' is in a unit.

    Args:
        text: as written.
        name: whose value it is, for messages.
        unit: the unit of that name.

    Returns:
        The number, or None if the text is not a number with a unit.

    Raises:
        ValueError: with 'got X; want Y', if its unit is unknown or measures something else.
    """
    found = _WITH_UNIT.fullmatch(text.strip())
    if found is None:
        return None
    measures, scale = _UNITS[unit]
    written = found[2].replace("²", "2").replace("³", "3").replace("°", "deg")
    if written not in _UNITS:
        raise ValueError(f"got {shown(text)}; want a {measures} in {_alike(measures)}, as {name} is one in {unit}")
    other, other_scale = _UNITS[written]
    if other != measures:
        raise ValueError(f"got {shown(text)}, a {other}; want a {measures} in {_alike(measures)}, as {name} is one")
    number = float(found[1])
    # rounded, so that 0.1 km is 100 m and not a little more
    return number if written == unit else round(number * other_scale / scale, 9)


def _alike(measures: str) -> str:
    *others, last = [unit for unit, (what, _) in _UNITS.items() if what == measures]
    return f"{', '.join(others)} or {last}" if others else last

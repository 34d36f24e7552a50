"""OpenDRIVE files for tests, small enough to know every number of: written by hand, true to OpenDRIVE 1.4."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Lane = tuple[int, str, str]
"""Id, type, and what is inside: widths, marks, links."""

HALF_PI = math.pi / 2


def width(a: float, b: float = 0.0, c: float = 0.0, d: float = 0.0, s: float = 0.0) -> str:
    return f'<width sOffset="{s}" a="{a}" b="{b}" c="{c}" d="{d}"/>'


def mark(kind: str, color: str = "white", s: float = 0.0) -> str:
    return f'<roadMark sOffset="{s}" type="{kind}" weight="standard" color="{color}" width="0.15" laneChange="none"/>'


def link(predecessor: int | None = None, successor: int | None = None) -> str:
    before = "" if predecessor is None else f'<predecessor id="{predecessor}"/>'
    after = "" if successor is None else f'<successor id="{successor}"/>'
    return f"<link>{before}{after}</link>"


def section(s: float, lanes: Iterable[Lane], centre: str = "") -> str:
    ordered = sorted(lanes, reverse=True)

    def side(sign: int) -> str:
        return "".join(
            f'<lane id="{i}" type="{kind}" level="false">{content}</lane>'
            for i, kind, content in ordered
            if i * sign > 0
        )

    middle = f'<center><lane id="0" type="none" level="false">{centre}</lane></center>'
    return f'<laneSection s="{s}"><left>{side(1)}</left>{middle}<right>{side(-1)}</right></laneSection>'


def line(x: float, y: float, heading: float, length: float, s: float = 0.0) -> str:
    return f'<geometry s="{s}" x="{x}" y="{y}" hdg="{heading}" length="{length}"><line/></geometry>'


def arc(x: float, y: float, heading: float, length: float, curvature: float) -> str:
    shape = f'<arc curvature="{curvature}"/>'
    return f'<geometry s="0" x="{x}" y="{y}" hdg="{heading}" length="{length}">{shape}</geometry>'


def road(
    road_id: int,
    length: float,
    plan: str,
    lanes: str,
    links: str = "",
    junction: int = -1,
    rule: str = "RHT",
    signals: str = "",
    objects: str = "",
) -> str:
    return (
        f'<road name="" length="{length}" id="{road_id}" junction="{junction}" rule="{rule}"><link>{links}</link>'
        f"<planView>{plan}</planView><elevationProfile/><lateralProfile/><lanes>{lanes}</lanes>"
        f"<objects>{objects}</objects><signals>{signals}</signals></road>"
    )


def town(*parts: str) -> str:
    return (
        '<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="" version="1" north="0" south="0" '
        'east="0" west="0"><geoReference><![CDATA[+proj=tmerc +lat_0=0 +lon_0=0 +datum=WGS84]]></geoReference>'
        f"</header>{''.join(parts)}</OpenDRIVE>"
    )


BOTH_WAYS = ((1, "driving", width(3.5)), (-1, "driving", width(3.5)))
CURVATURES = ((30.0, 0.0, 0.0), (40.0, 0.0, 0.02), (50.0, 0.02, 0.02), (40.0, 0.02, 0.0))
"""Length, and curvature at both ends, of the pieces of `spiral_town`."""


def spiral_town() -> str:
    """A road that goes straight, winds in, bends with a radius of 50 m, and winds out."""
    points, headings = spiral_truth()
    plan, s = "", 0.0
    for length, begin, end in CURVATURES:
        k = round(s * 1000)
        shape = "<line/>" if begin == end == 0 else f'<spiral curvStart="{begin}" curvEnd="{end}"/>'
        plan += f'<geometry s="{s}" x="{points[k][0]}" y="{points[k][1]}" hdg="{headings[k]}" length="{length}">{shape}'
        plan += "</geometry>"
        s += length
    return town(road(7, s, plan, section(0, BOTH_WAYS)))


def spiral_truth() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points (N, 2) and headings (N,) of the road's reference line, every millimetre, by summing its curvature."""
    lengths, begins, ends = zip(*CURVATURES, strict=True)
    knots = np.concatenate([[0.0], np.cumsum(lengths)])
    s = np.arange(0.0, knots[-1] + 5e-4, 1e-3)
    piece = np.clip(np.searchsorted(knots, s, side="right") - 1, 0, len(lengths) - 1)
    share = (s - knots[piece]) / np.array(lengths)[piece]
    curvature = np.array(begins)[piece] + share * (np.array(ends) - np.array(begins))[piece]
    heading = np.concatenate([[0.0], np.cumsum((curvature[1:] + curvature[:-1]) / 2 * 1e-3)])
    middle = (heading[1:] + heading[:-1]) / 2
    steps = np.stack([np.cos(middle), np.sin(middle)], axis=1) * 1e-3
    return np.cumsum([[40.0, 30.0], *steps], axis=0), heading


def opening_town() -> str:
    """100 m straight: from 20 m to 50 m a second lane opens, and there the section ends; from 50 m on there are two."""
    square, cube = 3 * 3.5 / 900, -2 * 3.5 / 27000
    first = (
        (-1, "driving", link(successor=-1) + width(3.5) + mark("solid")),
        (-2, "driving", link(successor=-2) + width(0.0) + width(0.0, 0.0, square, cube, s=20.0)),
    )
    second = (
        (-1, "driving", link(predecessor=-1) + width(3.5) + mark("broken") + mark("solid", s=25.0)),
        (-2, "driving", link(predecessor=-2) + width(3.5)),
        (-3, "parking", width(2.5)),
    )
    centre = mark("solid solid", "yellow")
    return town(road(3, 100.0, line(20, 50, 0, 100), section(0, first, centre) + section(50, second, centre)))


def ending_town() -> str:
    """Two lanes of which the right one ends, without a successor, at 50 m; the left one goes on."""
    first = ((-1, "driving", link(successor=-1) + width(3.5)), (-2, "driving", width(3.5)))
    second = ((-1, "driving", link(predecessor=-1) + width(3.5)),)
    return town(road(3, 100.0, line(20, 50, 0, 100), section(0, first) + section(50, second)))


def left_hand_town() -> str:
    return town(road(4, 80.0, line(20, 50, 0, 80), section(0, BOTH_WAYS), rule="LHT"))


def furnished_town() -> str:
    """A straight road with a crossing as OpenDRIVE 1.6 has it, four parking spaces on the right, and a light.

    The light stands at 70 m, the holding line before it at 60 m.
    """
    walk = (
        '<object type="crosswalk" id="1" s="63" t="0" zOffset="0" orientation="none" hdg="0"><outlines>'
        '<outline id="0"><cornerRoad s="62" t="3.5" dz="0" height="0" id="0"/><cornerRoad s="62" t="-3.5" dz="0" '
        'height="0" id="1"/><cornerRoad s="65" t="-3.5" dz="0" height="0" id="2"/><cornerRoad s="65" t="3.5" dz="0" '
        'height="0" id="3"/></outline></outlines></object>'
    )
    bays = (
        '<object type="parkingSpace" id="2" s="0" t="0" zOffset="0" orientation="none" hdg="0">'
        '<repeat s="10" length="24" distance="6" tStart="-4.5" tEnd="-4.5" heightStart="0" heightEnd="0" '
        'zOffsetStart="0" zOffsetEnd="0"/><outline>'
        + "".join(f'<cornerLocal u="{u}" v="{v}" z="0" height="0"/>' for u, v in ((0, -1), (6, -1), (6, 1), (0, 1)))
        + "</outline></object>"
    )
    signs = signal(5, "1000001", 70, -4) + signal(6, "294", 60, 0)
    lanes = section(0, BOTH_WAYS)
    return town(road(6, 100.0, line(20, 50, 0, 100), lanes, signals=signs, objects=walk + bays))


def even_spiral_town() -> str:
    """A spiral whose curvature stays the same: a quarter circle of 20 m."""
    shape = '<spiral curvStart="0.05" curvEnd="0.05"/>'
    plan = f'<geometry s="0" x="30" y="30" hdg="0" length="{10 * math.pi}">{shape}</geometry>'
    return town(road(8, 10 * math.pi, plan, section(0, BOTH_WAYS)))


def turning_lane_town() -> str:
    """A lane for both directions between those for one."""
    lanes = (
        (1, "driving", width(3.5)),
        (-1, "bidirectional", width(3.0)),
        (-2, "driving", width(3.5)),
        (-3, "sidewalk", width(2.0)),
    )
    return town(road(5, 80.0, line(20, 50, 0, 80), section(0, lanes)))


# connecting road, from arm and lane, to arm and lane, x, y, heading, curvature (0: 20 m straight)
_TURNS = (
    (10, 1, -1, 2, -1, -10, 0, 0.0, 0.0),
    (11, 2, 1, 1, 1, 10, 0, math.pi, 0.0),
    (12, 1, -1, 3, 1, -10, 0, 0.0, -0.1),
    (13, 3, -1, 1, 1, 0, -10, HALF_PI, 0.1),
    (14, 3, -1, 2, -1, 0, -10, HALF_PI, -0.1),
    (15, 2, 1, 3, 1, 10, 0, math.pi, 0.1),
)
TEE_M = (100.0, 100.0)
"""Middle of the crossing of `tee_town`."""


def signal(signal_id: int, kind: str, s: float, t: float, height: float = 0.6) -> str:
    """Good for those who drive along the reference line."""
    return (
        f'<signal id="{signal_id}" name="" s="{s}" t="{t}" zOffset="2" hOffset="0" roll="0" pitch="0" orientation="+" '
        f'dynamic="yes" country="OpenDRIVE" type="{kind}" subtype="-1" value="-1" unit="km/h" text="" '
        f'height="{height}" width="0.6"/>'
    )


def tee_town(lights: bool = False) -> str:
    """Arms to the west (road 1), east (2) and south (3), 50 m each; who comes from the south stops.

    Either for a sign 4 m before the end of the arm, or for a light in the crossing, of which both connecting roads that
    begin there say, as many files have it, that it is in force on them.
    """
    x, y = TEE_M
    sign = "" if lights else signal(31, "206", 46, -4)
    lit = {
        13: signal(32, "1000001", 0.5, -5, height=0.9),
        14: '<signalReference s="0.5" t="-5" id="32" orientation="+"><validity fromLane="-1" toLane="-1"/>'
        "</signalReference>",
    }
    into = '<successor elementType="junction" elementId="9"/>'
    out_of = '<predecessor elementType="junction" elementId="9"/>'
    arms = (
        road(1, 50, line(x - 60, y, 0, 50), section(0, BOTH_WAYS), into),
        road(2, 50, line(x + 10, y, 0, 50), section(0, BOTH_WAYS), out_of),
        road(3, 50, line(x, y - 60, HALF_PI, 50), section(0, BOTH_WAYS), into, signals=sign),
    )
    ends = {1: "end", 2: "start", 3: "end"}
    turns, connections = [], []
    for number, (turn, source, lane, goal, goal_lane, dx, dy, heading, curvature) in enumerate(_TURNS):
        length = 10 * HALF_PI if curvature else 20.0
        at = (x + dx, y + dy, heading, length)
        links = (
            f'<predecessor elementType="road" elementId="{source}" contactPoint="{ends[source]}"/>'
            f'<successor elementType="road" elementId="{goal}" contactPoint="{ends[goal]}"/>'
        )
        lanes = section(0, [(-1, "driving", link(lane, goal_lane) + width(3.5))])
        shown = lit.get(turn, "") if lights else ""
        plan = arc(*at, curvature) if curvature else line(*at)
        turns.append(road(turn, length, plan, lanes, links, junction=9, signals=shown))
        connections.append(
            f'<connection id="{number}" incomingRoad="{source}" connectingRoad="{turn}" contactPoint="start">'
            f'<laneLink from="{lane}" to="-1"/></connection>'
        )
    return town(*arms, *turns, f'<junction id="9" name="">{"".join(connections)}</junction>')

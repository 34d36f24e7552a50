"""A small OpenDRIVE file, by hand: two roads, one with a spiral and a climb, a junction with a light between."""

from __future__ import annotations

import math

BEND = 0.02  # 1/m, at the end of the spiral


def own_map(rule: str = "RHT") -> str:
    """Road 1 leads through the only path (road 2) of junction 9 into road 3."""
    x, y, heading = _after_spiral(40.0, 0.0, 30.0)
    ex, ey, eh = _after_arc(x, y, heading, 30.0)
    jx, jy = ex + 20.0 * math.cos(eh), ey + 20.0 * math.sin(eh)
    plan = (
        geometry(0, 0, 0, 0, 40, "<line/>")
        + geometry(40, 40, 0, 0, 30, f'<spiral curvStart="0" curvEnd="{BEND}"/>')
        + geometry(70, x, y, heading, 30, f'<arc curvature="{BEND}"/>')
    )
    curve = '<paramPoly3 pRange="normalized" aU="0" bU="60" cU="0" dU="0" aV="0" bV="0" cV="6" dV="0"/>'
    light = '<signal id="7" type="1000001" s="95" t="-7" orientation="+" dynamic="yes" zOffset="0"/>'
    limit = '<signal id="8" type="274" value="50" s="20" t="-7" orientation="+" dynamic="no" zOffset="0"/>'
    zebra = (
        '<object id="1" type="crosswalk" s="98" t="0" hdg="0"><outline>'
        '<cornerLocal u="-1.5" v="-3.5"/><cornerLocal u="1.5" v="-3.5"/>'
        '<cornerLocal u="1.5" v="3.5"/><cornerLocal u="-1.5" v="3.5"/></outline></object>'
    )
    # flat at the crest: 3 m where the junction begins
    climb = (
        '<elevation s="0" a="2" b="0" c="0" d="0"/><elevation s="20" a="2" b="0" c="0.00046875" d="-0.00000390625"/>'
    )
    level = '<elevation s="0" a="3" b="0" c="0" d="0"/>'
    street = _street()
    return (
        '<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="own"/>'
        + road(1, 100, -1, _link("successor", "junction", 9), plan, climb, street, zebra, light + limit, rule)
        + road(
            2,
            20,
            9,
            _link("predecessor", "road", 1, "end") + _link("successor", "road", 3, "start"),
            geometry(0, ex, ey, eh, 20, "<line/>"),
            level,
            section(lanes("right", (-1, "driving", 3.5, "")), ""),
            rule=rule,
        )
        + road(
            3,
            60.6,
            -1,
            _link("predecessor", "junction", 9),
            geometry(0, jx, jy, eh, 60.6, curve),
            level,
            street,
            rule=rule,
        )
        + '<junction id="9" name=""><connection id="0" incomingRoad="1" connectingRoad="2" contactPoint="start">'
        '<laneLink from="-1" to="-1"/></connection></junction></OpenDRIVE>'
    )


def geometry(s: float, x: float, y: float, heading: float, length: float, shape: str) -> str:
    return f'<geometry s="{s}" x="{x!r}" y="{y!r}" hdg="{heading!r}" length="{length}">{shape}</geometry>'


def lanes(side: str, *all_of_them: tuple[int, str, float, str]) -> str:
    """Lanes of a side: id, type, width and road mark type."""
    text = "".join(
        f'<lane id="{i}" type="{kind}" level="false"><width sOffset="0" a="{width}" b="0" c="0" d="0"/>'
        + (f'<roadMark sOffset="0" type="{mark}" color="white" width="0.15"/>' if mark else "")
        + "</lane>"
        for i, kind, width, mark in sorted(all_of_them, reverse=True)
    )
    return f"<{side}>{text}</{side}>"


def section(sides: str, mark: str = "broken") -> str:
    centre = f'<roadMark sOffset="0" type="{mark}" color="yellow" width="0.15"/>' if mark else ""
    left, right = (sides.split("<right>", 1)[0], "<right>" + sides.split("<right>", 1)[1])
    middle = f'<center><lane id="0" type="none" level="false">{centre}</lane></center>'
    return f'<laneSection s="0">{left}{middle}{right}</laneSection>'


def road(
    road_id: int,
    length: float,
    junction: int,
    links: str,
    plan: str,
    elevation: str,
    sections: str,
    objects: str = "",
    signals: str = "",
    rule: str = "RHT",
) -> str:
    return (
        f'<road id="{road_id}" name="" length="{length}" junction="{junction}" rule="{rule}"><link>{links}</link>'
        f'<type s="0" type="town"><speed max="50" unit="km/h"/></type><planView>{plan}</planView>'
        f"<elevationProfile>{elevation}</elevationProfile><lanes>{sections}</lanes>"
        f"<objects>{objects}</objects><signals>{signals}</signals></road>"
    )


def _street() -> str:
    right = lanes("right", (-1, "driving", 3.5, "solid"), (-2, "sidewalk", 2.0, ""))
    left = lanes("left", (1, "driving", 3.5, "solid"), (2, "driving", 0.0, ""), (3, "none", 4.0, ""))
    return section(left + right)


def _link(end: str, kind: str, target: int, contact: str = "") -> str:
    point = f' contactPoint="{contact}"' if contact else ""
    return f'<{end} elementType="{kind}" elementId="{target}"{point}/>'


def _after_spiral(x: float, y: float, length: float, steps: int = 20_000) -> tuple[float, float, float]:
    """The end of a spiral from straight to BEND that sets out east, summed up step by step."""
    step = length / steps
    for k in range(steps):
        heading = BEND * ((k + 0.5) * step) ** 2 / (2 * length)
        x, y = x + step * math.cos(heading), y + step * math.sin(heading)
    return x, y, BEND * length / 2


def _after_arc(x: float, y: float, heading: float, length: float) -> tuple[float, float, float]:
    end = heading + BEND * length
    return x + (math.sin(end) - math.sin(heading)) / BEND, y + (math.cos(heading) - math.cos(end)) / BEND, end

"""What a pixel's class says about whose it can be."""

from __future__ import annotations

from typing import Final

# CARLA 0.9.16's CityObjectLabels
PEDESTRIANS: Final = 12
_VEHICLES = frozenset({14, 15, 16, 17, 18})  # car, truck, bus, train, motorcycle; a bicycle may be pushed
_CYCLES = frozenset({18, 19})
STATIC: Final = 20
# of what only actors are made: pedestrians, riders, vehicles, two-wheelers
CERTAIN_TAGS = frozenset(range(PEDESTRIANS, STATIC))
# of what an actor can be, and the town, too: static and dynamic props, and others
_PROP_TAGS = frozenset({STATIC, 21, 22})
ACTOR_TAGS = CERTAIN_TAGS | _PROP_TAGS


def tags_of(category: str) -> frozenset[int]:
    """The classes that pixels of an actor of a nuScenes category can have.

    Wide on purpose: a person may carry or ride something, and a simulator may call an odd vehicle dynamic. What
    counts is that a person in front of a car is not taken for a part of it.
    """
    family = category.split(".", maxsplit=1)[0]
    if family in ("human", "animal"):
        return ACTOR_TAGS - _VEHICLES
    if family == "vehicle":
        return ACTOR_TAGS - {PEDESTRIANS, STATIC}
    if family == "movable_object":
        return _PROP_TAGS
    if family == "static_object":  # a rack with the bicycles in it
        return _PROP_TAGS | _CYCLES
    return ACTOR_TAGS

"""What a pixel's class says about whose it can be."""

from __future__ import annotations

from av_synth.sensing.tags import Tag

_HEAVY = frozenset({Tag.CAR, Tag.TRUCK, Tag.BUS, Tag.TRAIN, Tag.MOTORCYCLE})  # a bicycle may be pushed
_CYCLES = frozenset({Tag.MOTORCYCLE, Tag.BICYCLE})
_PROPS = frozenset({Tag.STATIC, Tag.DYNAMIC, Tag.OTHER})
CERTAIN_TAGS = frozenset({Tag.PEDESTRIANS, Tag.RIDER}) | _HEAVY | _CYCLES
"""Of what only actors are made."""
ACTOR_TAGS = CERTAIN_TAGS | _PROPS
"""Of what an actor can be, and the town, too."""


DOOR_TAGS = frozenset({Tag.CAR, Tag.TRUCK, Tag.BUS})
"""Of what the doors are that open out of a vehicle's box."""


def tags_of(category: str) -> frozenset[Tag]:
    """The classes that pixels of an actor of a nuScenes category can have.

    Wide on purpose: a person may carry or ride something, and a simulator may call an odd vehicle dynamic. What
    counts is that a person in front of a car is not taken for a part of it.
    """
    family = category.split(".", maxsplit=1)[0]
    if family in ("human", "animal"):
        return ACTOR_TAGS - _HEAVY
    if family == "vehicle":
        return ACTOR_TAGS - {Tag.PEDESTRIANS, Tag.STATIC}
    if family == "movable_object":
        return _PROPS
    if family == "static_object":  # a rack with the bicycles in it
        return _PROPS | _CYCLES
    return ACTOR_TAGS

"""Names that readers of nuScenes have hard-coded: scenes and names of the official splits, locations, map pictures.

Source: nuscenes-devkit 1.2.0, utils/splits.py, can_bus/can_bus_api.py and map_expansion/bitmap.py. The scene
numbers are facts of that data set, written as ranges; a test compares them with the devkit's.
"""

from __future__ import annotations

from collections.abc import Iterator


def _numbers(ranges: str) -> tuple[int, ...]:
    """Numbers in '1-3 7': 1, 2, 3, 7."""
    ends = [(int(first), int(last or first)) for first, _, last in (part.partition("-") for part in ranges.split())]
    return tuple(number for first, last in ends for number in range(first, last + 1))


def scene_name(number: int) -> str:
    """What nuScenes calls a scene of a number."""
    return f"scene-{number:04d}"


CAN_BLACKLIST = frozenset(_numbers("161-168 170-176 309-314"))
"""Scene numbers whose CAN data the devkit refuses to load."""

TRAIN = _numbers(
    "1-2 4-11 19-34 41-76 120-135 138-139 149-152 154-155 157-168 170-185 187-188 190-196 199-200 202-204 206-214 "
    "218-220 222 224-264 283-306 315-318 321 323-324 328 347-386 388-403 405-408 410-459 461-465 467-469 471-472 "
    "474-480 499-502 504-515 517-518 525-539 541-546 566 568 570-578 580 582-600 639-679 681 683-689 695-698 700-701 "
    "703-719 726-728 730-731 733-741 744 746-747 749-752 757-765 767-769 786-787 789-792 803-806 808-813 815-817 "
    "819-822 847-856 858 860-866 868-873 875-878 880 882-903 945 947 949 952-953 955-961 975-984 988-992 994-1025 "
    "1044-1058 1074-1102 1104-1110"
)
VAL = _numbers(
    "3 12-18 35-36 38-39 92-110 221 268-278 329-332 344-346 519-524 552-565 625-627 629-630 632-638 770-771 775 "
    "777-778 780-784 794-800 802 904-917 919-931 962-963 966-969 971-972 1059-1073"
)
MINI_TRAIN = _numbers("61 553 655 757 796 1077 1094 1100")
MINI_VAL = _numbers("103 916")
SPLITS = {
    name: tuple(map(scene_name, numbers))
    for name, numbers in (("train", TRAIN), ("val", VAL), ("mini_train", MINI_TRAIN), ("mini_val", MINI_VAL))
}
"""Names of scenes by split."""

PREDEFINED_SPLITS = frozenset(
    {"train", "val", "test", "mini_train", "mini_val", "train_detect", "train_track", "teaser_train", "teaser_val"}
)
"""Names that readers resolve from lists of their own, whatever splits.json says."""

LOCATIONS = {
    "boston-seaport": "36092f0b03a857c6a3403e25b4b7aab3",
    "singapore-hollandvillage": "37819e65e09e5547b8a3ceaefba56bb2",
    "singapore-onenorth": "53992ee3023e5494b90c316c183be829",
    "singapore-queenstown": "93406b464a165eaba6d9de76ca09f5da",
}
"""Stem of the map picture by location. Boston comes first because CARLA's towns, too, keep to the right."""


def scene_numbers() -> Iterator[int]:
    """Numbers for scene names, in order: 1 to 9999 without those the devkit keeps a blacklist of."""
    return (number for number in range(1, 10_000) if number not in CAN_BLACKLIST)


def listed(split: str) -> str:
    """What a split is called in splits.json: readers take a name like `val` for a list of scenes of their own."""
    return f"av_synth_{split}" if split in PREDEFINED_SPLITS else split


def names(version: str) -> tuple[list[str], list[str]]:
    """Names for validation and for training scenes, in the order in which they are given out.

    Those for training are taken in strides of about the golden ratio, so that however few there are, they are spread
    over the parts that readers cut the list into (train_detect and train_track, prediction's train and train_val).

    Args:
        version: 'v1.0-mini' or 'v1.0-trainval'.
    """
    if version == "v1.0-mini":
        return list(SPLITS["mini_val"]), list(SPLITS["mini_train"])
    train = [number for number in TRAIN if number not in CAN_BLACKLIST]
    stride = 423  # 0.618 of 685, and without a common factor
    return list(SPLITS["val"]), [scene_name(train[step * stride % len(train)]) for step in range(1, len(train) + 1)]

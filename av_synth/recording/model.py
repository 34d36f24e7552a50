"""What stands in a recorder file, number for number: CARLA's axes, centimetres and degrees as they were written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from av_synth.recording.format import PHYSICS, RECORDS
from av_synth.recording.physics import Physics

Records = npt.NDArray[np.void]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Attribute:
    """One attribute of a blueprint: its type (`format.STRING`), name and value."""

    kind: int
    name: str
    value: str


@dataclass(frozen=True)
class Added:
    """An actor that appears.

    Attributes:
        actor_id: the recording server's id.
        kind: `format.VEHICLE`, `WALKER` or another.
        location_cm: (3,), where it appears.
        euler_deg: roll, pitch, yaw.
        uid: number of the blueprint in the recording server's library, from 1; CARLA spawns by it.
        type_id: blueprint id.
        attributes: of the blueprint.
    """

    actor_id: int
    kind: int
    location_cm: Triple
    euler_deg: Triple
    uid: int
    type_id: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, eq=False)  # arrays do not compare as one
class Frame:
    """What was written of one frame.

    Attributes:
        number: from 1.
        elapsed_s: seconds since the recording began.
        duration_s: to the next frame; -1 for the last.
        added: actors that appear.
        tables: records by packet id, with the fields of `format.RECORDS`.
        physics: of vehicles that appear, where it was recorded.
    """

    number: int
    elapsed_s: float
    duration_s: float
    added: tuple[Added, ...] = ()
    tables: Mapping[int, Records] = field(default_factory=dict)
    physics: tuple[Physics, ...] = ()

    def records(self, packet: int) -> Records:
        """The records of one kind, none if the frame has no such packet."""
        found = self.tables.get(packet)
        return np.empty(0, RECORDS[packet]) if found is None else found


@dataclass(frozen=True, eq=False)
class Recording:
    """A recorder file.

    Attributes:
        name: of the file.
        map_name: CARLA's name of the map.
        date_s: when it was recorded, seconds from 1970.
        frames: in order of time.
        passed_over: how many packets of each id were not read.
    """

    name: str
    map_name: str
    date_s: int
    frames: tuple[Frame, ...]
    passed_over: Mapping[int, int] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return self.frames[-1].elapsed_s - self.frames[0].elapsed_s

    def added(self) -> Iterator[Added]:
        """Every actor that appears, in order."""
        for frame in self.frames:
            yield from frame.added

    def counts(self) -> Counter[int]:
        """How many records of each packet id there are."""
        found: Counter[int] = Counter()
        for frame in self.frames:
            for packet, records in frame.tables.items():
                found[packet] += len(records)
            found[PHYSICS] += len(frame.physics)
        return found

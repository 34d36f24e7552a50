"""Where a run comes from: its log may be that of another, which is played back, and that one's of a third."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The first run of a chain of replays; of a run that was simulated, itself.

    Attributes:
        run_id: of that first run, or the name of the file that its log was read from.
        frame: its frame that is frame 0 here.
        ids: actor ids there by those here, where they differ.
    """

    run_id: str
    frame: int = 0
    ids: Mapping[int, int] = field(default_factory=dict)

    def id_of(self, actor_id: int) -> int:
        """What the actor's id is there."""
        return self.ids.get(actor_id, actor_id)

    def replayed(self, first: int, here: Mapping[int, int]) -> Origin:
        """The origin of a run that plays this one back.

        Args:
            first: the frame that the new run begins with.
            here: actor ids in the new run by those in this one.
        """
        ids = {new: self.id_of(old) for old, new in sorted(here.items()) if new != self.id_of(old)}
        return Origin(self.run_id, self.frame + first, ids)

    def to_json(self) -> Mapping[str, Any]:
        """As it stands in the manifest of a run, at `provenance.replay.origin`."""
        return {
            "run_id": self.run_id,
            "frame": self.frame,
            "actor_ids": {str(here): there for here, there in sorted(self.ids.items())},
        }


def origin_of(run_id: str, manifest: Mapping[str, Any]) -> Origin:
    """The origin of a run, by its manifest; itself if that does not tell of one."""
    replay = _replay(manifest)
    if "origin" not in replay:
        return Origin(run_id)
    told = replay["origin"]
    ids = {int(here): there for here, there in told["actor_ids"].items()}
    return Origin(told["run_id"], told["frame"], ids)


def limits_of(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """What the server that a log was played back on could not do, in sentences; none of a run that was simulated."""
    return tuple(_replay(manifest).get("limits", ()))


def _replay(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a manifest says of the replay that its run is, as `director.provenance` told; empty if it is none."""
    provenance = manifest.get("provenance")
    told: Mapping[str, Any] = provenance.get("replay", {}) if isinstance(provenance, dict) else {}
    return told

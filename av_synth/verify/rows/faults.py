"""Sensor faults as the dataset tells them: what its data should be then, and which checks say nothing of such data.

Labels are those of the scene whatever the sensors make of it; what compares data with labels, or with other data, would
find the fault. Without sample_truth.json nothing is known of faults, and data that have some are not true.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.reading.blobs import Grey
from av_synth.verify.reading.clouds import Sweep
from av_synth.verify.reading.model import Data, Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import is_integer, is_number, short

KINDS: Mapping[str, tuple[str, ...]] = {
    "blackout": ("camera", "lidar", "radar"),
    "frozen": ("camera", "lidar", "radar"),
    "noise": ("camera",),
    "blur": ("camera",),
    "brightness": ("camera",),
    "dirt": ("camera",),
    "sector": ("lidar",),
    "drop": ("lidar", "radar"),
    "beam_loss": ("lidar",),
    "range_noise": ("lidar", "radar"),
    "ghosts": ("radar",),
    "blocked": ("camera",),
    "lost": ("camera", "lidar", "radar"),
    "miscalibration": ("camera", "lidar", "radar"),
    "clock": ("camera", "lidar", "radar"),
}
"""Which sensors can have what."""
_MOVED = frozenset({"frozen", "range_noise"})  # lidar points are not where anything is
_ELSEWHERE = frozenset({"miscalibration", "clock"})  # data are good, of a place or a time that the car does not know
_UNTRUE_RETURNS = frozenset({"frozen", "ghosts"})  # speeds of radar returns are not those of what is there
_BLACK = 16  # of 255: what JPEG makes of black
_SHADE, _RIM = 40, 0.12  # of 255, and of the image, where the rim is half as bright
_SECTOR_DEG = 0.01  # float32 directions


class SceneFaults:
    """The faults of one scene."""

    def __init__(self, dataset: Dataset, scene: Scene, findings: Findings) -> None:
        """Read them, checking that they are about sensors of the scene."""
        self._scene = scene
        self._findings = findings
        self._rows: dict[tuple[str, str], list[Row]] = {}  # by sample and channel
        self._before: dict[str, bytes] = {}
        for sample in scene.samples:
            for told in dataset.rows_about("sample_truth", sample.token):
                findings.checked("faults")
                where = f"sample_truth.json token={told['token']} ({scene.sample_name(sample.token)})"
                for fault in told["faults"]:
                    problem = self._problem(fault)
                    if problem:
                        findings.add("faults", where, f"faults: {problem}")
                    else:
                        self._rows.setdefault((sample.token, fault["channel"]), []).append(fault)

    def _problem(self, fault: object) -> str:
        if not isinstance(fault, dict) or str(fault.get("channel")) not in self._scene.data:
            return f"{short(fault)} is of no sensor of this scene; want a channel"
        modality = self._scene.data[fault["channel"]][0].calibration.modality
        if modality not in KINDS.get(str(fault.get("kind")), ()):
            return f"{fault['channel']} has {short(fault.get('kind'))}, which no {modality} can have"
        since, until = fault.get("since"), fault.get("until")
        if not is_integer(since, 0, 2**63) or not (until is None or is_integer(until, 0, 2**63)):
            return f"{fault['channel']}: since = {short(since)}, until = {short(until)}; want timestamps, or null"
        if fault["kind"] == "lost" and not _are_times(fault.get("lost")):
            return f"{fault['channel']}: lost = {short(fault.get('lost'))}; want the times of what was lost"
        if fault["kind"] == "sector" and not all(is_number(fault.get(key)) for key in ("from_deg", "to_deg")):
            return f"{fault['channel']} has a sector without from_deg and to_deg"
        return ""

    def in_force(self, data: Data) -> tuple[Row, ...]:
        """The faults that a record's sensor has, whether or not they show in it."""
        rows = self._rows.get((data.sample_token, data.channel), ())
        at = data.timestamp_us
        return tuple(row for row in rows if row["since"] <= at and (row["until"] is None or at < row["until"]))

    def of(self, data: Data) -> tuple[Row, ...]:
        """The faults that show in a record: not those of mounts and clocks, and not what others were lost by."""
        return tuple(
            row
            for row in self.in_force(data)
            if row["kind"] not in _ELSEWHERE and (row["kind"] != "lost" or data.timestamp_us in row["lost"])
        )

    def lost_us(self, channel: str) -> set[int]:
        """When those frames of a channel were taken that are told to be lost."""
        rows = [row for (_, own), found in self._rows.items() if own == channel for row in found]
        return {at for row in rows if row["kind"] == "lost" for at in row["lost"]}

    def leave_out(self, data: Data, checks: Collection[str]) -> bool:
        """Whether a record has a fault, for which it is left out of these checks; counts it."""
        if not self.of(data):
            return False
        for check in checks:
            self._findings.left_out(check)
        return True

    def kinds(self, data: Data) -> frozenset[str]:
        """The kinds of the faults that a record has."""
        return frozenset(str(row["kind"]) for row in self.of(data))

    def moved(self, data: Data) -> bool:
        """Whether points of a lidar's turn are not where anything is."""
        return bool(self.kinds(data) & _MOVED)

    def untrue(self, data: Data) -> bool:
        """Whether returns of a radar's scan do not come from what is there."""
        return bool(self.kinds(data) & _UNTRUE_RETURNS)

    def check_content(self, data: Data, content: bytes) -> None:
        """Take the next file of a channel: data of a frozen sensor are the very bytes of the data before."""
        if "lost" in self.kinds(data):
            return
        before, self._before[data.channel] = self._before.get(data.channel), content
        if "frozen" not in self.kinds(data) or before is None or data.calibration.modality == "radar":
            return  # a radar's frozen returns have speeds by the ego's own, which goes on
        self._findings.checked("faults")
        if content != before:
            self._add(data, "is not what the sensor recorded before, although it is told to be frozen")

    def check_image(self, data: Data, grey: Grey) -> None:
        """A camera that is blacked out sees black, and in place of a lost image is a black one; (H, W) grey."""
        if self.kinds(data) == {"blocked"}:
            self._check_blocked(data, grey)
        what = self._blank(data, "its camera")
        if not what:
            return
        self._findings.checked("faults")
        if int(grey.max()) > _BLACK:
            self._add(data, f"is as bright as {int(grey.max())} of 255, although {what}")

    def check_returns(self, data: Data, n: int) -> None:
        """A lidar or radar that is blacked out has no returns, nor has what stands in place of a lost frame."""
        what = self._blank(data, "its sensor")
        if not what:
            return
        self._findings.checked("faults")
        if n:
            self._add(data, f"has {n} returns, although {what}")

    def check_sectors(self, data: Data, sweep: Sweep) -> None:
        """Where a lidar has lost a sector no points are."""
        rows = [row for row in self.of(data) if row["kind"] == "sector"]
        if not rows or "range_noise" in self.kinds(data) or "frozen" in self.kinds(data):
            return
        ahead = sweep.points @ data.calibration.ego_from_sensor[:3, :3].T
        azimuth_deg = np.degrees(np.arctan2(ahead[:, 1], ahead[:, 0]))
        for row in rows:
            self._findings.checked("faults")
            wide = row["to_deg"] - row["from_deg"] - _SECTOR_DEG
            n = int(((azimuth_deg - row["from_deg"] - _SECTOR_DEG / 2) % 360.0 < wide - _SECTOR_DEG / 2).sum())
            if n:
                sector = f"{row['from_deg']:g} to {row['to_deg']:g} degrees"
                self._add(data, f"has {n} points from {sector}, although it is told to have none from there")

    def _check_blocked(self, data: Data, grey: Grey) -> None:
        """Where something hangs before a camera it is dark, but for the half of a soft rim."""
        share = max(float(row["share"]) if is_number(row.get("share")) else 1.0 for row in self.of(data))
        self._findings.checked("faults")
        dark = float((grey <= _SHADE).mean())
        if dark < share - _RIM:
            self._add(data, f"is dark in {dark:.0%} of it; its camera is told to be blocked in {share:.0%}")

    def _blank(self, data: Data, sensor: str) -> str:
        """Why a record has to be empty; '' if it need not."""
        kinds = self.kinds(data)
        if "lost" in kinds:
            return "it is told to be lost"
        return f"{sensor} is told to be blacked out" if kinds == {"blackout"} else ""

    def _add(self, data: Data, message: str) -> None:
        self._findings.add("faults", f"{data.filename} ({self._scene.name})", message)


def _are_times(value: object) -> bool:
    return isinstance(value, list) and all(is_integer(at, 0, 2**63) for at in value)

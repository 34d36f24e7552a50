"""Chains and times: samples, sample_data, annotations and ego poses follow one another as nuScenes says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from av_synth.verify.findings import Findings
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene
from av_synth.verify.reading.tables import Row, Tables

_EARLIEST_US = 946_684_800_000_000  # 2000-01-01: seconds and milliseconds are smaller
_LATEST_US = 4_102_444_800_000_000  # 2100-01-01: nanoseconds and a slipped decimal are larger
_SAMPLE_US, _SAMPLE_SLACK_US = 500_000, 150_000  # 2 Hz with the slack that the devkit's PredictHelper gives
_KEYFRAME_SLACK_US = 100_000  # real cameras fire up to half a lidar turn away from the sample's time


class Link(Protocol):
    """A row with a token and neighbours."""

    @property
    def token(self) -> str:
        """Its own token."""

    @property
    def prev(self) -> str:
        """The row before, or ''."""

    @property
    def next(self) -> str:
        """The row after, or ''."""


def _check_links(check: str, table: str, rows: Sequence[Link], of: str, findings: Findings) -> None:
    """Rows in time order point at their neighbours, both ways, and at nothing at the ends."""
    if len(rows) > 1 and not any(row.prev or row.next for row in rows):
        message = f"prev = '' and next = '' in all {len(rows)} rows of {of}: the chain is missing"
        findings.add(check, f"{table}.json token={rows[0].token}", f"{message}; want each to name its neighbours")
        findings.checked(check, len(rows))
        return
    if len(rows) > 1 and all(a.prev == b.token and b.next == a.token for a, b in pairwise(rows)):
        message = f"prev and next are swapped in {of}; want prev the one before in time"
        findings.add(check, f"{table}.json token={rows[0].token}", message)
    for k, row in enumerate(rows):
        wanted_prev = rows[k - 1].token if k > 0 else ""
        wanted_next = rows[k + 1].token if k + 1 < len(rows) else ""
        for name, got, wanted in (("prev", row.prev, wanted_prev), ("next", row.next, wanted_next)):
            if got != wanted:
                where = f"{table}.json token={row.token}"
                findings.add(check, where, f"{name} = {got!r}; want {wanted!r}, its neighbour in time in {of}")
    findings.checked(check, len(rows))


def check_times(tables: Tables, findings: Findings) -> None:
    """Times are microseconds since 1970, and the rows of sample are in time order within their scene."""
    for table in ("ego_pose", "sample", "sample_data"):
        for row in tables[table]:
            if not _EARLIEST_US <= row["timestamp"] <= _LATEST_US:
                where = f"{table}.json token={row['token']}"
                message = f"timestamp = {row['timestamp']}{_unit(row['timestamp'])}; want microseconds since 1970"
                findings.add("timestamps", where, f"{message}, about 1.8e15")
        findings.checked("timestamps", len(tables[table]))
    last: dict[str, int] = {}
    for row in tables["sample"]:
        if row["timestamp"] < last.get(row["scene_token"], 0):
            where = f"sample.json token={row['token']}"
            findings.add("timestamps", where, "its row stands after a later sample of its scene; want time order")
        last[row["scene_token"]] = row["timestamp"]


def _unit(timestamp: int) -> str:
    for factor, unit in ((10**6, "seconds"), (10**3, "milliseconds")):
        if _EARLIEST_US <= timestamp * factor <= _LATEST_US:
            return f", which looks like {unit}"
    if _EARLIEST_US <= timestamp // 1000 <= _LATEST_US:
        return ", which looks like nanoseconds"
    if _EARLIEST_US <= timestamp // 10 <= _LATEST_US:
        return ", which is ten times too large"
    return ""


def check_sample_chain(scene: Scene, findings: Findings) -> None:
    """The samples of a scene are one chain of nbr_samples, 2 a second."""
    where = f"scene.json token={scene.token} ({scene.name})"
    if len(scene.samples) != scene.nbr_samples:
        findings.add("sample_chain", where, f"nbr_samples = {scene.nbr_samples}; it has {len(scene.samples)} samples")
    if not scene.samples:
        return
    ends = (("first", scene.first_sample, scene.samples[0]), ("last", scene.last_sample, scene.samples[-1]))
    for end, got, sample in ends:
        if got != sample.token:
            findings.add("sample_chain", where, f"{end}_sample_token = {got!r}; want {sample.token!r}, {end} in time")
    _check_links("sample_chain", "sample", scene.samples, scene.name, findings)
    for before, after in pairwise(scene.samples):
        step_us = after.timestamp_us - before.timestamp_us
        if abs(step_us - _SAMPLE_US) > _SAMPLE_SLACK_US:
            message = f"comes {step_us} us after the sample before; want {_SAMPLE_US} +- {_SAMPLE_SLACK_US}"
            findings.add("timestamps", f"sample.json token={after.token} ({scene.name})", message)


def check_data_chains(scene: Scene, findings: Findings) -> None:
    """Each channel's data is one chain with rising times; a sweep belongs to the keyframe that follows it."""
    for channel, rows in scene.data.items():
        _check_links("data_chain", "sample_data", rows, f"{channel} of {scene.name}", findings)
        for before, after in pairwise(rows):
            if after.as_told.timestamp_us <= before.as_told.timestamp_us:
                where = f"sample_data.json token={after.token} ({scene.name})"
                findings.add("data_chain", where, f"has the time of token={before.token}; want rising times in a chain")
        following = ""
        for data in reversed(rows):
            if data.is_key_frame:
                following = data.sample_token
                continue
            wanted = following or scene.samples[-1].token
            if data.sample_token != wanted:
                where = f"sample_data.json token={data.token} ({scene.name} {channel})"
                message = f"sample_token = {data.sample_token!r}; want {wanted!r}, that of the keyframe that follows"
                findings.add("data_chain", where, message)


def check_keyframes(scene: Scene, findings: Findings) -> None:
    """Each sample has one keyframe of each channel, close to its time, LIDAR_TOP's at its very time."""
    found = Counter((d.sample_token, c) for c, rows in scene.data.items() for d in rows if d.is_key_frame)
    for sample in scene.samples:
        where = f"sample.json token={sample.token} ({scene.sample_name(sample.token)})"
        for channel in scene.data:
            findings.checked("keyframes")
            n = found[sample.token, channel]
            if n != 1:
                findings.add("keyframes", where, f"has {n} keyframes of {channel}; want exactly one")
                continue
            data = scene.keyframe(sample.token, channel)
            off_us = abs(data.timestamp_us - sample.timestamp_us) if data else 0
            slack_us = 0 if channel == "LIDAR_TOP" else _KEYFRAME_SLACK_US
            if channel == "LIDAR_TOP" and data:
                off_us = max(off_us, abs(data.as_told.timestamp_us - sample.told_us))
            if off_us > slack_us:
                message = f"its {channel} keyframe is {off_us} us away from its time; want at most {slack_us}"
                findings.add("keyframes", where, message)


def check_ego_poses(dataset: Dataset, findings: Findings) -> None:
    """Each sample_data's ego pose has the same token and time as it, so that export scripts find it by token."""
    for scene in dataset.scenes:
        for rows in scene.data.values():
            for data in rows:
                _check_ego_pose(scene.name, data.as_told, findings)


def _check_ego_pose(scene_name: str, data: Data, findings: Findings) -> None:
    findings.checked("ego_poses")
    where = f"sample_data.json token={data.token} ({scene_name} {data.channel})"
    pose = data.ego_pose
    if pose.token != data.token:
        message = f"ego_pose_token = {pose.token!r}; want a pose of its own with the same token as the row"
        findings.add("ego_poses", where, message)
    if pose.timestamp_us != data.timestamp_us:
        off_us = pose.timestamp_us - data.timestamp_us
        findings.add("ego_poses", where, f"its ego pose is {off_us} us later than its timestamp; want the same time")


def check_annotation_chains(dataset: Dataset, tables: Tables, findings: Findings) -> None:
    """Annotations of an instance are one chain in one scene, at most one a sample, counted in the instance's row."""
    scenes_of: dict[str, list[str]] = defaultdict(list)
    instances = {row["token"]: row for row in tables["instance"]}
    for scene in dataset.scenes:
        for token, track in scene.tracks.items():
            scenes_of[token].append(scene.name)
            _check_track(scene, instances[token], [annotation for _, annotation in track], findings)
    for token in instances:
        if len(scenes_of[token]) != 1:
            message = f"has annotations in {len(scenes_of[token])} scenes {scenes_of[token]}; want exactly one"
            findings.add("annotation_chain", f"instance.json token={token}", message)


def _check_track(scene: Scene, instance: Row, track: Sequence[Annotation], findings: Findings) -> None:
    token = instance["token"]
    for before, after in pairwise(track):
        if before.sample_token == after.sample_token:
            where = f"sample_annotation.json token={after.token} ({scene.name})"
            message = f"its instance {token} has token={before.token} in the same sample; want at most one"
            findings.add("annotation_chain", where, message)
    _check_links("annotation_chain", "sample_annotation", track, f"instance {token} of {scene.name}", findings)
    wanted: dict[str, str | int] = {
        "nbr_annotations": len(track),
        "first_annotation_token": track[0].token,
        "last_annotation_token": track[-1].token,
    }
    for name, value in wanted.items():
        if instance[name] != value:
            where = f"instance.json token={token} ({scene.name})"
            findings.add("annotation_chain", where, f"{name} = {instance[name]!r}; want {value!r}")

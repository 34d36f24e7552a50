"""Has a campaign lost anything? Reads a store and /proc, and shares no code with what wrote them.

What holds after every kill, whoever was killed:
    I1  every planned run is exactly one of committed, quarantined and remaining; none is twice, none unknown
    I2  a committed run has the files of its manifest, byte for byte, and no other
    I4  nothing under a final name is partial
    I5  what was once seen committed is there still, with the same bytes
    I6  no process, lease or staging folder is left; a process of somebody else's lives on
    I7  a run was charged no more attempts than the cap, and each failure has a class
    I8  a failure names run, attempt, machine, class and a log that is there, or kept in quarantine
(I3, equal bytes with and without faults, takes two stores: compare `Reading.committed`.)
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import select
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CAP = 3
CLASSES = {"environmental", "transient", "deterministic", "cancelled"}
RUN_ID = re.compile(r"[0-9a-f]{20}")
ATTEMPT = re.compile(r"attempt-[1-9]\d*(\.[1-9]\d*)?")
MARKER = "AV_SYNTH_CHAOS"


@dataclass
class Reading:
    """What a store showed.

    Attributes:
        findings: sentences, each beginning with the invariant that it breaks.
        committed: by run id, a hash over names and bytes of its files.
        quarantined: run ids.
        remaining: run ids.
    """

    findings: list[str] = field(default_factory=list)
    committed: dict[str, str] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    remaining: set[str] = field(default_factory=set)


def read(
    store: Path,
    *,
    seen: Mapping[str, str] | None = None,
    at_rest: bool = True,
    exit_code: int | None = None,
    cap: int = CAP,
) -> Reading:
    """Check what the files of a store show.

    Args:
        store: its folder.
        seen: what an earlier reading saw committed.
        at_rest: no driver is at work; staging and locks are looked at only then.
        exit_code: how the campaign said that it ended: 0 with all runs committed, 3 with some in quarantine.
        cap: attempts that a run may be charged.
    """
    reading = Reading()
    planned = _planned(store, reading.findings)
    _runs(store, reading, seen or {})
    reading.quarantined = _quarantined(store, reading.findings)
    for run_id in sorted({*reading.committed, *reading.quarantined} - planned):
        reading.findings.append(f"I1: run {run_id} is in the store, but not in the plan")
    for run_id in sorted(reading.quarantined & set(reading.committed)):
        reading.findings.append(f"I1: run {run_id} is committed and in quarantine")
    reading.remaining = planned - set(reading.committed) - reading.quarantined
    if exit_code in (0, 3) and reading.remaining:
        reading.findings.append(f"I1: it ended with {exit_code}, and runs remain: {sorted(reading.remaining)}")
    if exit_code == 0 and reading.quarantined:
        reading.findings.append(f"I1: it ended with 0, and runs are in quarantine: {sorted(reading.quarantined)}")
    if exit_code == 3 and not reading.quarantined:
        reading.findings.append("I1: it ended with 3, and no run is in quarantine")
    _attempts(store, planned, cap, reading.findings)
    if at_rest:
        _leftovers(store, reading.findings)
    return reading


def _planned(store: Path, findings: list[str]) -> set[str]:
    try:
        listed = [run["run_id"] for run in json.loads((store / "plan" / "plan.json").read_bytes())["runs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        findings.append(f"I4: plan/plan.json is not a plan: {error!r}")
        return set()
    findings += [f"I1: run {run_id} is planned {count} times" for run_id, count in Counter(listed).items() if count > 1]
    findings += [f"I1: planned run {run_id!r} has no run id" for run_id in listed if not RUN_ID.fullmatch(run_id)]
    return set(listed)


def _runs(store: Path, reading: Reading, seen: Mapping[str, str]) -> None:
    for path in _entries(store / "runs"):
        if not RUN_ID.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            reading.findings.append(f"I4: runs/{path.name} is no run")
            continue
        faults = _faults_of_run(path)
        reading.findings += faults
        # a run that is there but damaged is neither remaining nor good: its hash shows what it is now
        reading.committed[path.name] = digest(path)
    for run_id, was in sorted(seen.items()):
        now = reading.committed.get(run_id)
        if now is None:
            reading.findings.append(f"I5: run {run_id} was committed and is gone")
        elif now != was:
            reading.findings.append(f"I5: run {run_id} was committed and has other bytes now")


def glance(store: Path, known: dict[str, str]) -> list[str]:
    """Check the runs that are there and not `known` yet, as one does who looks all the time; they are known then."""
    findings = []
    for path in _entries(store / "runs"):
        if path.name not in known:
            findings += _faults_of_run(path)
            known[path.name] = digest(path)
    return findings


def _faults_of_run(path: Path) -> list[str]:
    name = f"runs/{path.name}"
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
        listed = {entry["path"]: (entry["bytes"], entry["sha256"]) for entry in manifest["files"]}
        run_id = manifest["run_id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"I4: {name} has no whole manifest: {error!r}"]
    faults = [f"I2: {name} says that it is run {run_id}"] if run_id != path.name else []
    if not listed:
        faults.append(f"I2: {name} lists no file")
    there = {file.relative_to(path).as_posix(): file for file in _files(path)}
    del there["manifest.json"]
    faults += [f"I2: {name}/{file} is missing" for file in sorted(set(listed) - set(there))]
    faults += [f"I2: {name}/{file} is not in its manifest" for file in sorted(set(there) - set(listed))]
    for file in sorted(set(there) & set(listed)):
        data = there[file].read_bytes()
        size, sha256 = listed[file]
        if len(data) != size:
            faults.append(f"I2: {name}/{file} has {len(data)} bytes, the manifest says {size}")
        elif hashlib.sha256(data).hexdigest() != sha256:
            faults.append(f"I2: {name}/{file} has other bytes than the manifest says")
    return faults


def digest(folder: Path) -> str:
    """SHA-256 over names and bytes of all files in a folder, in hex."""
    total = hashlib.sha256()
    for file in sorted(_files(folder)):
        data = file.read_bytes()
        total.update(f"{file.relative_to(folder).as_posix()}\0{len(data)}\0".encode() + data)
    return total.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where, name) for name in names)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _quarantined(store: Path, findings: list[str]) -> set[str]:
    found = set()
    for path in _entries(store / "quarantine"):
        name = f"quarantine/{path.name}"
        if path.name in (".noted", ".released"):  # evidence of what was, or is to be, tried again
            for attempt in path.glob("*/attempt-*"):
                _check_failure(store, attempt / "failure.json", findings)
        elif not RUN_ID.fullmatch(path.name) or not path.is_dir():
            findings.append(f"I4: {name} is no run in quarantine")
        else:
            found.add(path.name)
            attempts = [entry for entry in _entries(path) if entry.is_dir() and ATTEMPT.fullmatch(entry.name)]
            if not attempts:
                findings.append(f"I8: {name} tells of no attempt")
            for attempt in attempts:
                _check_failure(store, attempt / "failure.json", findings)
            _whole(store, path / "recipe.json", findings)
    return found


def _check_failure(store: Path, path: Path, findings: list[str]) -> None:
    said = _whole(store, path, findings)
    if said and said.get("kind") not in CLASSES:
        findings.append(f"I7: {path.relative_to(store)} has no class: {said.get('kind')!r}")
    for key in ("run", "attempt", "machine", "error"):
        if said and not said.get(key):
            findings.append(f"I8: {path.relative_to(store)} does not name its {key}")
    if said and not said.get("logs"):
        findings.append(f"I8: {path.relative_to(store)} names no log")


def _whole(store: Path, path: Path, findings: list[str]) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
        if isinstance(said, dict):
            return said
        raise TypeError(type(said).__name__)
    except (OSError, ValueError, TypeError) as error:
        findings.append(f"I4: {path.relative_to(store)} is not whole: {error!r}")
        return {}


def events(store: Path) -> Iterator[dict[str, Any]]:
    """The events of the journal; a line that its writer did not finish is left out, a damaged one is a ValueError."""
    for segment in _entries(store / "journal"):
        *lines, _ = segment.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            if not re.fullmatch(rb"[0-9a-f]{8} .*", line) or int(line[:8], 16) != zlib.crc32(line[9:]):
                raise ValueError(f"{segment.name}:{number} is damaged")
            yield json.loads(line[9:])


def _attempts(store: Path, planned: set[str], cap: int, findings: list[str]) -> None:
    charged: defaultdict[str, set[str]] = defaultdict(set)  # a line that the disk had refused may be there twice
    try:
        for event in events(store):
            run_id = event.get("run")
            if run_id is not None and run_id not in planned:
                findings.append(f"I1: the journal has run {run_id}, which is not in the plan")
            if event["event"] == "released":
                charged[run_id].clear()
            if event["event"] == "failed":
                findings += [f"{fault}: {event}" for fault in _faults_of_failure(store, event)]
                if event.get("charged"):
                    charged[run_id].add(json.dumps(event, sort_keys=True))
                if len(charged[run_id]) > cap:
                    findings.append(f"I7: run {run_id} was charged {len(charged[run_id])} attempts, of {cap}")
    except (ValueError, KeyError) as error:
        findings.append(f"I8: the journal cannot be read: {error!r}")


def _faults_of_failure(store: Path, event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("kind") not in CLASSES:
        yield "I7: a failure has no class"
    for key in ("run", "attempt", "machine", "error", "message"):
        if not event.get(key):
            yield f"I8: a failure does not name its {key}"
    run_id, quarantine = str(event.get("run")), store / "quarantine"
    homes = (quarantine / run_id, quarantine / ".noted" / run_id, *quarantine.glob(f".released/{run_id}-*"))
    there = any((store / log).is_file() for log in event.get("logs", ()))
    if not there and not any(any(home.glob("attempt-*/*.log")) for home in homes):
        yield "I8: a failure has no log"


def _leftovers(store: Path, findings: list[str]) -> None:
    for path in _entries(store / "staging"):
        held = "a held lease" if path.suffix == ".lease" and _is_held(path) else "left over"
        findings.append(f"I6: staging/{path.name} is {held}")
    lock = store / "driver.lock"
    if lock.exists() and _is_held(lock):
        findings.append("I6: driver.lock is held")


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def processes(marker: str, spared: Collection[int] = ()) -> dict[int, str]:
    """The processes started with `AV_SYNTH_CHAOS=<marker>` in their environment: state and command by pid."""
    wanted = f"\0{MARKER}={marker}\0".encode()
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in spared:
            continue
        try:
            environment = Path(entry.path, "environ").read_bytes()
            if wanted in b"\0" + environment + b"\0":
                state = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[0]
                command = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(entry.name)] = f"{state} {command.strip()}"
        except OSError:  # it has ended meanwhile, or it is another user's
            continue
    return found


def raylets(marker: str) -> list[int]:
    """Process ids of the marked raylets, that of a Ray's head first."""
    found = {pid: what for pid, what in processes(marker).items() if "/raylet --" in what}
    return sorted(found, key=lambda pid: " --head " not in f"{found[pid]} ")


def parent(pid: int) -> int:
    """Process id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def orphans(
    marker: str, spared: Collection[int] = (), within_s: float = 10.0, meanwhile: Callable[[], object] = lambda: None
) -> list[str]:
    """Findings for the processes of ours that are still there after so long; waits only as long as there are any.

    Who has adopted orphans has to wait for them `meanwhile`, as pid 1 does: Ray takes a dead raylet for a living one
    until somebody has.
    """
    deadline_s = time.monotonic() + within_s
    while found := processes(marker, spared):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return [f"I6: process {pid} is left: {what[:200]}" for pid, what in sorted(found.items())]
        _wait_for_the_end(min(found), min(left_s, 0.1))
        meanwhile()
    return []


def _wait_for_the_end(pid: int, within_s: float) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(1000 * within_s)
    finally:
        os.close(handle)


def lives(pid: int, name: str) -> list[str]:
    """A finding if somebody else's process of this name is gone, or stopped."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return [f"I6: process {pid}, {name}, was nobody's business, and it is gone"]
    comm, _, rest = told.partition("(")[2].rpartition(")")
    return [] if comm == name and rest.split()[0] in "RSD" else [f"I6: process {pid} is {comm} in {rest.split()[0]}"]

"""Which simulator is meant: a fresh embedded one, a CARLA that is started, or one at HOST:PORT."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from av_synth.errors import ConnectionLostError, DocumentError, Problem
from av_synth.launch.carla import launch_carla
from av_synth.launch.carla_spec import CarlaSpec, names_carla, parse_carla
from av_synth.launch.embedded import DEFAULT_QUALITY, Address, launch_embedded, parse_address
from av_synth.messages import nearest

EMBEDDED = "embedded"
_EMBEDDED_AS = re.compile(rf"{EMBEDDED}(?::([^@]*))?(?:@(.*))?")
_KINDS = f"`{EMBEDDED}[:PROFILE][@QUALITY]`, carla:FOLDER, carla:docker:IMAGE or HOST:PORT"
_FIRST_TOWN = "AvSynth01"  # which town a run needs, the session says, or that there is no such town
_REACH_TIMEOUT_S = 5.0


def is_embedded(simulator: object) -> bool:
    """Whether a simulator is `embedded[:PROFILE][@QUALITY]`; `embedded:2000` is a port of a machine called so."""
    return _profile_and_quality(simulator) is not None


def is_at_address(simulator: object) -> bool:
    """Whether a simulator is one that listens at HOST:PORT, and is none that we start."""
    return isinstance(simulator, str) and not is_embedded(simulator) and not names_carla(simulator)


@contextmanager
def simulator_at(
    simulator: str | CarlaSpec | Address, log: Path, render_threads: int | None = None, *, adopt: bool = False
) -> Iterator[Address]:
    """The simulator that the user named: a fresh embedded one, a CARLA that is started, or the one at HOST:PORT.

    Args:
        simulator: `embedded[:PROFILE][@QUALITY]`, `carla:FOLDER`, `carla:docker:IMAGE` (see `carla_spec`), or
            HOST:PORT; or one that is open already, which stays open and is as it is whatever follows.
        log: where a fresh one's standard error goes.
        render_threads: of an embedded one; see `launch_embedded`.
        adopt: whether one at HOST:PORT may be taken over from others.

    Raises:
        DocumentError: if it is none of these, there is no such profile, quality or program, or a fresh one is to be
            adopted.
        ConnectionLostError: if nobody listens at HOST:PORT.
        LaunchError: if it does not start.
    """
    if isinstance(simulator, Address):
        yield simulator
        return
    if isinstance(simulator, CarlaSpec) or names_carla(simulator):
        spec = simulator if isinstance(simulator, CarlaSpec) else parse_carla(simulator)
        with launch_carla(spec, log) as address:
            yield address
        return
    wanted = _profile_and_quality(simulator)
    if wanted is None:
        like = nearest(simulator.partition(":")[0], [EMBEDDED])
        hint = f"; {like}" if like.startswith("did") else ""
        address = parse_address(simulator, f"{_KINDS}{hint}")
        _reach(address)
        yield replace(address, adopt=adopt)
        return
    if adopt:
        raise DocumentError(
            [Problem("", "--adopt", f"got --simulator {simulator}, which nobody else uses; leave it out")]
        )
    with launch_embedded(_FIRST_TOWN, log, render_threads, *wanted) as address:
        yield address


def _profile_and_quality(simulator: object) -> tuple[str, str] | None:
    """Of an embedded simulator, None of any other."""
    found = _EMBEDDED_AS.fullmatch(simulator) if isinstance(simulator, str) else None
    if found is None or (found[1] or "").isdigit():
        return None
    profile, quality = found.groups()
    return "native" if profile is None else profile, DEFAULT_QUALITY if quality is None else quality


def _reach(address: Address) -> None:
    """Find out at once that nobody listens; the carla client would try for its whole time-out."""
    try:
        socket.create_connection((address.host, address.port), _REACH_TIMEOUT_S).close()
    except (OSError, UnicodeError) as error:  # the second of a name that no host can have
        reason = getattr(error, "strerror", None) or error
        raise ConnectionLostError(
            f"simulator at {address}: cannot be reached: {reason}; start one there with "
            f"`av-synth simulator --port {address.port}`, or leave --simulator out"
        ) from error

"""A Ray of one's own, for as long as a campaign takes, of which nothing is left whatever ends the campaign.

Some of Ray's processes take a minute to see that they are alone. So its head runs below a guard (see `launch.guard`),
which ends all of them as soon as this process has ended, and removes the folder that they write to.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av_synth.errors import UserError
from av_synth.launch.guard import start_guarded

_START_S = 300.0  # its tries have limits of their own; for a machine on which even these do not come to an end
_HEAD = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "  # nothing of the folder it is started in
    "from av_synth.farm.workers.ray_farm import serve; serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])"
)


def protect(imported: bool) -> None:
    """Have a private Ray, and this process, ask for a token; their environment says which.

    Args:
        imported: whether ray is imported here already. It reads its mode then, and both have to have the same.
    """
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:  # else it writes one into the user's home
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.setdefault("RAY_AUTH_MODE", "disabled" if imported else "token")


@contextmanager
def private_ray(cores: int) -> Iterator[str]:
    """Run a Ray on this machine while the context lasts, and yield its address.

    Args:
        cores: that it hands out.

    Raises:
        UserError: if it does not start; says why.
    """
    folder = Path(tempfile.gettempdir()) / f"av-synth-ray-{secrets.token_hex(4)}"
    here, there = os.pipe()
    try:
        command = [sys.executable, "-c", _HEAD, str(there), str(cores), str(folder)]
        guard = start_guarded(command, afterwards=["rm", "-rf", "--", str(folder)], pass_fds=[there])
    except BaseException:
        os.close(here)
        raise
    finally:
        os.close(there)
    with guard, os.fdopen(here, "rb", buffering=0) as told:  # closes the guard's pipe, and waits until it has ended
        yield _heard(told.fileno())


def _heard(told: int) -> str:
    """The address that the head tells, in a line; the guards have the pipe too, so that it ends only when they do."""
    until_s, said = time.monotonic() + _START_S, b""
    while not said.endswith(b"\n") and (left_s := until_s - time.monotonic()) > 0:
        if select.select([told], [], [], left_s)[0]:
            said += (new := os.read(told, 65536))
            if not new:
                raise _refused("its process ended")
    if not said.endswith(b"\n"):
        raise _refused(f"has not told its address in {_START_S:.0f} s")
    answer: dict[str, str] = json.loads(said)
    if "error" in answer:
        raise _refused(answer["error"])
    return answer["address"]


def _refused(why: str) -> UserError:
    return UserError(f"--ray local: no Ray could be started: {why}; want a machine that has room for one, or no --ray")

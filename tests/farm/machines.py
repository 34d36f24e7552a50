"""A Ray of two machines, both of them this one, for schedules in which one is lost."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av_synth.launch.guard import start_guarded


@contextmanager
def two_machines() -> Iterator[str]:
    """Run it while the context lasts, with room for one worker on each; yields its address.

    All of it ends with this process: a cluster that is somebody else's would outlive its drivers, and the reader could
    not tell its processes from theirs.
    """
    here, there = os.pipe()
    folder = Path(tempfile.gettempdir()) / f"av-synth-ray-{secrets.token_hex(4)}"  # sockets' paths have to be short
    code = f"import sys; from {__name__} import serve; serve(int(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", code, str(there), str(folder)]
    with start_guarded(command, afterwards=["rm", "-rf", "--", str(folder)], pass_fds=[there]):
        os.close(there)
        with os.fdopen(here) as told:
            yield json.loads(told.readline())


def serve(handle: int, folder: str) -> None:
    """Start it, tell its address, and wait to be killed."""
    os.environ["RAY_TMPDIR"] = folder  # it notes its address below, where it makes no folder for that
    os.makedirs(f"{folder}/ray", mode=0o700)
    from ray.cluster_utils import Cluster

    some = {"num_cpus": 1, "object_store_memory": 80 << 20}
    cluster = Cluster(True, head_node_args={**some, "include_dashboard": False, "temp_dir": folder})
    cluster.add_node(**some, temp_dir=folder)
    os.write(handle, f"{json.dumps(cluster.address)}\n".encode())
    while True:
        signal.pause()

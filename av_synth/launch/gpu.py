"""On which GPU a process is, as the driver says: what a program was told and what it does are two things.

Vulkan, CUDA and nvidia-smi number the GPUs of a machine each in its own way, and CARLA has been seen on another one
than it was given (carla#6247, #7324).
"""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET

from av_synth.errors import MachineError

_TIMEOUT_S = 60.0


def gpus_of(pids: set[int]) -> set[int]:
    """The GPUs that processes are on, as nvidia-smi counts them; empty where it does not say."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return set()
    try:
        done = subprocess.run(  # noqa: S603  the driver's own program
            [program, "-q", "-x"], capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
        )
        machine = ET.fromstring(done.stdout)  # noqa: S314  the driver's own words
    except (OSError, subprocess.SubprocessError, ET.ParseError):
        return set()
    return {
        number
        for number, gpu in enumerate(machine.iter("gpu"))
        if pids & {int(pid.text or 0) for pid in gpu.iterfind("processes/process_info/pid")}
    }


def need_gpu(gpu: int, pids: set[int]) -> None:
    """Refuse processes that are on other GPUs only. A little of each may be on the first one (carla#4698).

    Raises:
        MachineError: if they are.
    """
    found = gpus_of(pids)
    if found and gpu not in found:
        on = " and ".join(map(str, sorted(found)))
        raise MachineError(
            f"CARLA was to be on GPU {gpu} and is on {on}, as nvidia-smi counts them; Vulkan counts otherwise here: "
            f"set `adapter` to its number of GPU {gpu}, see `vulkaninfo --summary`"
        )

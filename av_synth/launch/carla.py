"""Start a real CARLA server as a process or a container of its own, and end it whatever happens."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from av_synth.errors import PortTakenError
from av_synth.launch.carla_spec import CarlaSpec, find_binary
from av_synth.launch.embedded import Address
from av_synth.launch.gpu import need_gpu
from av_synth.launch.guard import GRACE_S, end_guarded, running, start_guarded
from av_synth.launch.ports import Block, lease_block
from av_synth.launch.ready import Starting, wait_until_ready

_TRIES = 3  # blocks of ports: others may take one between our trying it and CARLA's
_SHARED_MEMORY = "2g"  # docker's own 64 MB are little for Unreal
_REMOVE_S = 60.0


@contextmanager
def launch_carla(
    spec: CarlaSpec, log: Path, *, grace_s: float = GRACE_S, clock: Callable[[], float] = time.monotonic
) -> Iterator[Address]:
    """Run a CARLA server on ports of this machine that nobody else has, while the context lasts.

    It is ended by SIGTERM and, `grace_s` later, SIGKILL, with everything that it started; also when this process is
    killed.

    Args:
        spec: which one, and how.
        log: where what it says goes; appended to.
        grace_s: how long it may take to end.
        clock: seconds; decides whether it took too long to get ready.

    Raises:
        DocumentError: if there is no such program.
        MachineError: if this machine cannot run it.
        LaunchError: if it ends or is not ready in time.
    """
    with ExitStack() as held:
        for left in reversed(range(_TRIES)):
            block = held.enter_context(lease_block())
            with ExitStack() as started:
                server = started.enter_context(_started(spec, block, log, grace_s))
                try:
                    version = wait_until_ready(server, spec.ready_s, clock=clock)
                except PortTakenError:
                    if left:
                        continue
                    raise
                if spec.gpu is not None:
                    need_gpu(spec.gpu, {each.pid for each in running(server.process)})
                yield Address("127.0.0.1", block.first, server.process, f"carla {version} {spec.quality}")
                return


def command_of(spec: CarlaSpec, block: Block) -> list[str]:
    """The command line that starts it.

    Raises:
        DocumentError: if it is a program that is not there.
    """
    options = [f"-carla-rpc-port={block.first}", "-nosound", f"-quality-level={spec.quality}"]
    adapter = spec.adapter if spec.adapter is not None else None if spec.engine in ("docker", "podman") else spec.gpu
    options += ["-RenderOffScreen"] if spec.offscreen else []
    options += [] if adapter is None else [f"-graphicsadapter={adapter}"]
    options += spec.arguments
    if spec.engine is None:
        return [str(find_binary(spec)), "CarlaUE4", *options]
    if spec.engine == "apptainer":
        return ["apptainer", "exec", "--nv", spec.image, spec.inside, *options]
    # its ports on the loopback only: whoever reaches them can end a CARLA with one ill-typed call (carla#9025)
    published = [text for port in block.of_carla for text in ("--publish", f"127.0.0.1:{port}:{port}")]
    # an image that is not there yet would be fetched on the clock of who waits for the server
    own = ["--rm", "--init", "--pull", "never", "--name", block.name, "--shm-size", _SHARED_MEMORY]
    return [spec.engine, "run", *own, *_gpu_options(spec), *published, spec.image, spec.inside, *options]


def _gpu_options(spec: CarlaSpec) -> list[str]:
    if spec.engine == "podman":
        return ["--device", f"nvidia.com/gpu={'all' if spec.gpu is None else spec.gpu}"]
    return ["--gpus", "all" if spec.gpu is None else f"device={spec.gpu}", "--env", "NVIDIA_DRIVER_CAPABILITIES=all"]


@contextmanager
def _started(spec: CarlaSpec, block: Block, log: Path, grace_s: float) -> Iterator[Starting]:
    command = command_of(spec, block)
    remove: list[str] = []
    if spec.engine in ("docker", "podman"):
        # The engine's process may end without the container, which is not below us. The name is ours as long as the
        # lease is, so that what bears it now was left behind.
        remove = [spec.engine, "rm", "--force", block.name]
        _run(remove)
    with log.open("ab") as sink:
        before = sink.tell()
        process = start_guarded(command, sink, grace_s=grace_s, afterwards=remove, pass_fds=[block.lease])
    try:
        yield Starting(process, block.first, log, before, foreign=bool(remove))
    finally:
        end_guarded(process, grace_s)


def _run(command: list[str]) -> None:
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603  the container engine that the user named
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_REMOVE_S,
        )

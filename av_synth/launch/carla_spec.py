"""Which CARLA is to be started, and how: a folder, a program or a container image, and its settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from av_synth.documents import Document, Strict, validate
from av_synth.errors import DocumentError, Problem
from av_synth.messages import shown

CARLA = "carla:"  # begins what `--simulator` says
_ENGINES = ("docker", "podman", "apptainer")
BINARY = Path("CarlaUE4") / "Binaries" / "Linux" / "CarlaUE4-Linux-Shipping"
_WANTED = "want the folder that CARLA was unpacked in, or docker:IMAGE, podman:IMAGE or apptainer:FILE"

# arguments that follow from other settings or that we cannot do with
_OURS = {
    "-carla-rpc-port": "ports are leased",
    "-carla-port": "ports are leased",
    "-world-port": "ports are leased",
    "-carla-streaming-port": "ports are leased",
    "-carla-secondary-port": "ports are leased",
    "-carla-primary-host": "each run has a server of its own",
    "-carla-primary-port": "each run has a server of its own",
    "-graphicsadapter": "use `gpu` or `adapter`",
    "-quality-level": "use `quality`",
    "-renderoffscreen": "use `offscreen`",
}


def _place(value: str) -> str:
    engine, colon, image = value.partition(":")
    if engine in _ENGINES and colon:
        if not image or image.startswith("-") or image != image.strip():
            raise ValueError(f"got {shown(value)}; want {engine}: and the name of an image")
    elif not value.strip():
        raise ValueError(f"got {shown(value)}; {_WANTED}")
    elif value.endswith(".sh"):
        raise ValueError(f"got {shown(value)}, a script, whose end leaves CARLA running; {_WANTED}")
    return value


def _argument(value: str) -> str:
    name = value.partition("=")[0].lower()
    if name in _OURS:
        raise ValueError(f"got {shown(value)}, which av_synth sets; {_OURS[name]}")
    if not value.startswith("-"):
        raise ValueError(f"got {shown(value)}; want an option, such as -benchmark")
    return value


class CarlaSpec(Strict):
    """A CARLA server to be started.

    Attributes:
        carla: the folder that it was unpacked in, its program, or docker:IMAGE, podman:IMAGE, apptainer:FILE.
        gpu: which GPU, as nvidia-smi counts; the driver's choice if None.
        adapter: the same GPU as Vulkan counts, where that differs; docker and podman show it one only.
        quality: CARLA's own two levels.
        offscreen: without a window.
        arguments: more of its options.
        inside: the program in the image.
        ready_s: how long it may take to its first tick.
    """

    carla: Annotated[str, AfterValidator(_place)] = Field(description="a folder, or docker:IMAGE")
    gpu: int | None = Field(default=None, ge=0)
    adapter: int | None = Field(default=None, ge=0)
    quality: Literal["Epic", "Low"] = "Epic"
    offscreen: bool = True
    arguments: tuple[Annotated[str, AfterValidator(_argument)], ...] = ()
    inside: str = "./CarlaUE4.sh"
    ready_s: float = Field(default=180.0, gt=0.0)

    @property
    def engine(self) -> str | None:
        """What runs its container; None if it is no container."""
        engine = self.carla.partition(":")[0]
        return engine if engine in _ENGINES and ":" in self.carla else None

    @property
    def image(self) -> str:
        """The image of its container."""
        return self.carla.partition(":")[2]


def spec_from(values: Mapping[str, Any], where: str = "") -> CarlaSpec:
    """Read a mapping such as `{carla: /opt/carla, gpu: 0}`.

    Args:
        values: plain values.
        where: what messages call it.

    Raises:
        DocumentError: with every mistake.
    """
    return validate(Document(where, dict(values)), CarlaSpec)


def names_carla(simulator: str) -> bool:
    """Whether `--simulator` asks for a CARLA to be started; `carla:2000` is a port of a machine called so."""
    return simulator.startswith(CARLA) and not simulator.removeprefix(CARLA).isdigit()


def parse_carla(simulator: str) -> CarlaSpec:
    """Read carla:FOLDER, carla:PROGRAM or carla:docker:IMAGE.

    Raises:
        DocumentError: if it is none.
    """
    try:
        return spec_from({"carla": simulator.removeprefix(CARLA)})
    except DocumentError as error:
        raise DocumentError([Problem("", "--simulator", each.message) for each in error.problems]) from error


def find_binary(spec: CarlaSpec) -> Path:
    """The program itself: a shell script in between would end without it.

    Raises:
        DocumentError: if it is not on this machine.
    """
    given = Path(spec.carla).expanduser()  # a shell leaves `carla:~/CARLA` as it is
    path = given / BINARY if given.is_dir() else given
    if not path.is_file():
        raise DocumentError([Problem("", "carla", f"got {shown(spec.carla)}; there is no {path}; {_WANTED}")])
    if not os.access(path, os.X_OK):
        raise DocumentError([Problem("", "carla", f"{path} cannot be run: not executable; try `chmod +x` of it")])
    return path.absolute()

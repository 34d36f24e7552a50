"""Debian's package sweethome3d-furniture, whose archives of models looks are made of; nothing of it is installed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from av_synth.errors import DataError, UserError
from av_synth.simulator.assets.files import Archive

NAME, VERSION = "sweethome3d-furniture", "1.8-1"
SHA256 = "3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668"

_INSIDE = "usr/share/sweethome3d/furniture"
_AR_MAGIC, _AR_HEADER_BYTES = b"!<arch>\n", 60


def downloaded(scratch: Path) -> Path:
    """The package's file, downloaded into the folder `scratch` by apt.

    Raises:
        UserError: this machine has no apt, or apt cannot get it.
    """
    do_instead = f"get {NAME}_{VERSION}_all.deb from a Debian mirror elsewhere and give it with --package"
    apt = shutil.which("apt-get")
    if apt is None:
        raise UserError(f"{NAME}: this machine has no apt-get to download it with; {do_instead}")
    command = [apt, "download", f"{NAME}={VERSION}"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)  # noqa: S603  fixed words
    found = sorted(scratch.glob("*.deb"))
    if done.returncode != 0 or len(found) != 1:
        raise UserError(f"{NAME}: apt-get could not download it: {done.stderr.strip()[-300:]}; {do_instead}")
    return found[0]


def archives(package: Path, names: Iterable[str], scratch: Path) -> dict[str, Archive]:
    """Some of the package's archives of models, by name, unpacked into the folder `scratch`.

    Raises:
        DataError: the file is not the package that is wanted, or has no such archive.
    """
    try:
        content = package.read_bytes()
    except OSError as error:
        raise DataError(f"{package}: cannot be read: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise DataError(f"{package}: its sha256 is {found}; want {NAME} {VERSION}, {SHA256}")
    return unpacked(content, names, scratch)


def unpacked(content: bytes, names: Iterable[str], scratch: Path) -> dict[str, Archive]:
    """As `archives`, from the content of any Debian package."""
    data = scratch / "data.tar"
    data.write_bytes(_data_of(content))
    wanted = {f"{_INSIDE}/{name}": name for name in names}
    opened = {}
    try:
        with tarfile.open(data) as tar:
            for member in tar:
                name = wanted.get(member.name.removeprefix("./"))
                source = tar.extractfile(member) if name is not None else None
                if name is not None and source is not None:
                    target = scratch / Path(name).name
                    with target.open("wb") as stream:
                        shutil.copyfileobj(source, stream)
                    opened[name] = Archive(target)
    except tarfile.TarError as error:
        raise DataError(f"{NAME}: its content cannot be unpacked: {error}") from error
    for name in wanted.values():
        if name not in opened:
            raise DataError(f"{NAME}: has no {name}; its archives are {', '.join(sorted(opened)) or 'none'}")
    return opened


def _data_of(content: bytes) -> bytes:
    """The part of a Debian package that holds its files. Source: deb(5), ar(5)."""
    at = len(_AR_MAGIC)
    while content[: len(_AR_MAGIC)] == _AR_MAGIC and at + _AR_HEADER_BYTES <= len(content):
        header = content[at : at + _AR_HEADER_BYTES]
        name, size = header[:16].decode("ascii", "replace").strip(" /"), int(header[48:58])
        at += _AR_HEADER_BYTES
        if name.startswith("data.tar"):
            return content[at : at + size]
        at += size + size % 2
    raise DataError(f"{NAME}: is not a Debian package")

"""Make `.venv` from the lock file: the standard library only, no root, nothing outside the checkout and caches.

Run by `make setup`; does nothing when the environment is already the one that the lock file asks for. Its syntax is
also Python 3.6's, so that an old `python3` says what is wanted rather than where it fails to read this.
"""

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "tools" / "requirements.lock"
STAMP = VENV / "set-up"
GL_STAMP = VENV / "gl-set-up"
SUPPORTED = ("3.10", "3.11", "3.12")  # the carla client has wheels for these
# for systems that split ensurepip off (Debian without python3-venv); the address has the file's BLAKE2b in it
PIP_WHEEL = (
    "https://files.pythonhosted.org/packages/44/3c/d717024885424591d5376220b5e836c2d5293ce2011523c9de23ff7bf068/"
    "pip-25.3-py3-none-any.whl"
)
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"
PROBE = "import os, sys; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"


def fail(message: str) -> None:
    """End with a message that says what to do."""
    sys.exit(f"setup: {message}")


def find_python() -> "tuple[str, str]":
    """Version and path of the interpreter: the one asked for, else the environment's own, else the first that fits.

    The path is behind all links, so that it is still there when `.venv` is removed.
    """
    asked = os.environ.get("PYTHON")
    others = [str(VENV_PYTHON), sys.executable, "python3.12", "python3.11", "python3.10", "python3"]
    for name in [asked] if asked else others:
        path = shutil.which(name)
        if path is None:
            continue
        probe = subprocess.run([path, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
        version, _, real = probe.stdout.decode().strip().partition(" ")
        if probe.returncode == 0 and version in SUPPORTED:
            return version, real
    got = f"PYTHON is {asked}" if asked else f"this one is {sys.version.split()[0]}"
    fail(
        f"no Python {', '.join(SUPPORTED)} found ({got}); "
        "install one, or name it: make setup PYTHON=/path/to/python3.11"
    )
    raise AssertionError("unreachable")


def run(*command: object) -> None:
    """Run a command and stop where it fails."""
    done = subprocess.run([str(part) for part in command], cwd=str(ROOT), check=False)  # noqa: S603
    if done.returncode != 0:
        fail(f"`{' '.join(str(part) for part in command)}` failed with exit status {done.returncode}")


def make_venv(python: str) -> None:
    """Create `.venv` with pip in it, also where the system's Python came without ensurepip."""
    shutil.rmtree(str(VENV), ignore_errors=True)
    command = [python, "-m", "venv", str(VENV)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # noqa: S603
    if done.returncode == 0:
        return
    shutil.rmtree(str(VENV), ignore_errors=True)
    run(python, "-m", "venv", "--without-pip", VENV)
    install_pip()


def install_pip() -> None:
    """Put the pinned pip into `.venv`, run out of its own wheel."""
    try:
        with urllib.request.urlopen(PIP_WHEEL, timeout=60) as answer:
            content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        fail(
            f"this Python has no ensurepip, and pip could not be fetched from {PIP_WHEEL}: {error}; "
            "install python3-venv (and ca-certificates if it is the certificate that failed), then run this again"
        )
    got = hashlib.sha256(content).hexdigest()
    if got != PIP_SHA256:
        fail(f"{PIP_WHEEL} has SHA-256 {got}; want {PIP_SHA256}; install python3-venv instead, then run this again")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / PIP_WHEEL.rpartition("/")[2]
        wheel.write_bytes(content)
        run(VENV_PYTHON, wheel / "pip", "install", "--quiet", "--no-index", wheel)


def main() -> None:
    """Set up, or say nothing where it is done."""
    version, python = find_python()
    asked_for = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + f"{version} {ROOT}".encode()
    wanted = hashlib.sha256(asked_for).hexdigest()
    if not (STAMP.exists() and STAMP.read_text() == wanted):
        print("setup: making .venv from tools/requirements.lock (about 500 MB, a minute or two)", flush=True)
        make_venv(python)
        pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run(*pip, "--only-binary=:all:", "--require-hashes", "-r", LOCK)
        run(*pip, "--no-build-isolation", "--editable", ".")
        STAMP.write_text(wanted)
    # The software GL library is fetched only where the machine has no GPU. Looking takes 0.4 s, hence a stamp.
    if not GL_STAMP.exists():
        run(VENV_PYTHON, "-m", "av_synth.simulator.render.software_gl")
        GL_STAMP.touch()


if __name__ == "__main__":
    main()

"""Make `.venv` from the lock file: the standard library only, no root, nothing outside the checkout and caches.

Run by `make setup`; does nothing when the environment is already the one that the lock file asks for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "tools" / "requirements.lock"
STAMP = VENV / "set-up"
# pip's own bootstrap, for systems that split ensurepip off (Debian without python3-venv)
GET_PIP = "https://bootstrap.pypa.io/get-pip.py"


def fail(message: str) -> None:
    """End with a message that says what to do."""
    sys.exit(f"setup: {message}")


def find_python() -> str:
    """The newest interpreter that the carla client has a wheel for: 3.10, 3.11 or 3.12."""
    asked = os.environ.get("PYTHON")
    candidates = [asked] if asked else [sys.executable, "python3.12", "python3.11", "python3.10", "python3"]
    for name in candidates:
        path = shutil.which(name)
        if path is None:
            continue
        probe = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        version = subprocess.run(probe, capture_output=True, text=True, check=False)  # noqa: S603
        if version.returncode == 0 and version.stdout.strip() in {"3.10", "3.11", "3.12"}:
            return path
    fail(
        f"no Python 3.10, 3.11 or 3.12 found (this one is {sys.version.split()[0]}); "
        "install one, or name it: make setup PYTHON=/path/to/python3.11"
    )
    raise AssertionError("unreachable")


def run(*command: str | Path) -> None:
    """Run a command and stop where it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)  # noqa: S603
    if done.returncode != 0:
        fail(f"`{' '.join(str(part) for part in command)}` failed with exit status {done.returncode}")


def make_venv(python: str) -> None:
    """Create `.venv` with pip in it, also where the system's Python came without ensurepip."""
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([python, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    run(python, "-m", "venv", "--without-pip", VENV)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "get-pip.py"
        try:
            with urllib.request.urlopen(GET_PIP, timeout=60) as answer:
                script.write_bytes(answer.read())
        except OSError as error:
            shutil.rmtree(VENV, ignore_errors=True)
            fail(f"this Python has no ensurepip and pip could not be fetched ({error}); install python3-venv")
        run(VENV / "bin" / "python", script, "--quiet")


def main() -> None:
    """Set up, or say nothing where it is done."""
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if not (STAMP.exists() and STAMP.read_text() == wanted):
        print("setup: making .venv from tools/requirements.lock (about 500 MB, a minute or two)", flush=True)
        make_venv(find_python())
        pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run(*pip, "--only-binary=:all:", "--require-hashes", "-r", LOCK)
        run(*pip, "--no-build-isolation", "--editable", ".")
    # The software GL library is fetched only where the machine has no EGL; a no-op when it is there already.
    run(VENV / "bin" / "python", "-m", "av_synth.simulator.render.software_gl")
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()

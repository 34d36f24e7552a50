"""Is the wheel all that a user needs? Installed into an empty environment of each Python, it makes the demo elsewhere.

    make wheel                                                # every supported Python that is found
    PYTHONS="/opt/a/bin/python /opt/b/bin/python" make wheel  # these

Wants a package index. A Python that is not found is named, and the exit status is 1: nothing was said about it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.setup import SUPPORTED

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("scenarios", "sensors", "configs")
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
# as a user's program begins: the package is the installed one, it finds its library, and it has types for checkers
_USE = """
import av_synth, json, platform
from pathlib import Path
package = Path(av_synth.__file__).parent
assert (package / "py.typed").is_file() and len(av_synth.list_scenarios()) > 50
run = av_synth.open_run("demo")
assert av_synth.read_outcome(run).held and av_synth.verify_dataset("demo/nuscenes").ok
print(json.dumps([platform.python_version(), str(package), run.run_id]))
"""


@dataclass(frozen=True)
class Tried:
    """What came of one Python: its full version, seconds to install and to make the demo, MB, and the demo's run id."""

    python: str
    install_s: float
    demo_s: float
    size_mb: float
    run_id: str


def build_wheel(target: Path) -> Path:
    """Build the wheel into a folder, from a copy, so that nothing is left in the checkout."""
    with tempfile.TemporaryDirectory(prefix="av_synth-source-") as folder:
        source = Path(folder)
        for name in ("av_synth", *KINDS):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
            shutil.copy(ROOT / name, source / name)
        build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(target), str(source)]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, *build], check=True, env=os.environ | {"PIP_NO_CACHE_DIR": "1"})  # noqa: S603
    (wheel,) = target.iterdir()
    return wheel


def pythons() -> dict[str, str]:
    """An interpreter by version: those of PYTHONS, else the first of each that PATH or pyenv has and that runs."""
    asked = os.environ.get("PYTHONS", "").split()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = asked or [*(f"python{version}" for version in SUPPORTED), *map(str, sorted(pyenv.glob("*/bin/python")))]
    found: dict[str, str] = {}
    for path in filter(None, map(shutil.which, names)):
        said = subprocess.run([path, "-c", _VERSION], capture_output=True, text=True, check=False)  # noqa: S603
        if said.returncode == 0 and said.stdout.strip() in SUPPORTED:
            found.setdefault(said.stdout.strip(), path)
    return dict(sorted(found.items()))


def try_wheel(wheel: Path, python: str, home: Path) -> Tried:
    """Install into an empty environment in `home`, and use it from a folder beside it with caches of its own."""
    outside = home / "outside"
    outside.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment["XDG_CACHE_HOME"] = str(home / "cache")

    def done(*command: object) -> str:
        words = [str(word) for word in command]
        said = subprocess.run(words, cwd=outside, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
        return said.stdout

    began = time.monotonic()
    done(python, "-m", "venv", home / "env")
    bin_ = home / "env" / "bin"
    done(bin_ / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    installed = time.monotonic()
    done(bin_ / "av-synth", "doctor")
    done(bin_ / "av-synth", "demo", "--rig", "tiny", "--out", "demo")
    made = time.monotonic()
    version, package, run_id = json.loads(done(bin_ / "python", "-c", _USE))
    if (home / "env").resolve() not in Path(package).resolve().parents:
        raise SystemExit(f"wheel: av_synth was imported from {package}, not from {home / 'env'}")
    size_mb = sum(path.stat().st_size for path in (home / "env").rglob("*") if path.is_file()) * 1e-6
    return Tried(version, installed - began, made - installed, size_mb, run_id)


def lines(wheel: Path) -> Iterator[str]:
    """Try the wheel with each Python that there is, and tell what came of it."""
    yield f"{wheel.name}: {wheel.stat().st_size * 1e-6:.1f} MB"
    for python in pythons().values():
        with tempfile.TemporaryDirectory(prefix="av_synth-wheel-") as folder:
            one = try_wheel(wheel, python, Path(folder))
        times = f"installed in {one.install_s:.0f} s ({one.size_mb:.0f} MB), doctor and demo in {one.demo_s:.0f} s"
        yield f"Python {one.python}: {times}, run {one.run_id}, verified"


def main() -> None:
    """Build, try, tell; exit status 1 if there is a Python that nothing was said about."""
    with tempfile.TemporaryDirectory(prefix="av_synth-wheel-") as folder:
        for line in lines(build_wheel(Path(folder))):
            print(line, flush=True)
    missing = [version for version in SUPPORTED if version not in pythons()]
    if missing and "PYTHONS" not in os.environ:
        sys.exit(
            f"wheel: not tried, because it is not on this machine: Python {', '.join(missing)}; or name it, PYTHONS="
        )


if __name__ == "__main__":
    main()

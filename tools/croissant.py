"""Does mlcroissant, the reference implementation of Croissant, take the card of a dataset, and read its records?

    make croissant CARD=out/first/nuscenes

It has a virtual environment of its own in out/croissant, because one of its dependencies has no wheel, and `.venv`
takes nothing else. Wants a package index.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_VENV = Path("out/croissant")
_PACKAGE = "mlcroissant==1.1.1"
# opened anew for each record set: in 1.1.1 a second one that is read of the same object may fail on its references
_READ = """
import logging, sys, mlcroissant
logging.disable(logging.CRITICAL)
path = sys.argv[1]
metadata = mlcroissant.Dataset(jsonld=path).metadata
for warning in sorted(metadata.ctx.issues.warnings):
    print("warning:", warning)
for record_set in metadata.record_sets:
    count = sum(1 for _ in mlcroissant.Dataset(jsonld=path).records(record_set.uuid))
    print(f"{record_set.uuid}: {count} records")
print(f"valid: {path}")
"""


def main(card: str) -> int:
    """Check the card in a folder; the exit status is 1 if it is not valid, or a record cannot be read."""
    path = Path(card) / "croissant.json"
    if not path.is_file():
        print(f"{path}: there is no such file; `av-synth card` writes it, and CARD= names its folder")
        return 2
    python = str(_VENV / "bin" / "python")
    if not Path(python).exists():
        subprocess.run([sys.executable, "-m", "venv", _VENV], check=True)  # noqa: S603
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _PACKAGE]
    subprocess.run(pip, check=True)  # noqa: S603  says nothing where it is there
    return int(subprocess.run([python, "-c", _READ, str(path)], check=False).returncode != 0)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ("",)))

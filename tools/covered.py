"""Is enough of the package run by its tests? Says how much of it they ran, and which files fell short.

    python -m tools.covered  # after `make coverage` has combined its figures in out/coverage

The exit status is 1 if it is less than `fail_under` of the whole (pyproject.toml), or than EACH_PERCENT of a file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EACH_PERCENT = 75
_ELSEWHERE = {
    "av_synth/improve/reference_torch.py"
}  # needs torch, which is too large for the lock: `long` tests run it


def shortfalls(ran: Mapping[str, tuple[int, int]], whole_percent: float) -> list[str]:
    """What falls short, in words.

    Args:
        ran: by file, how many of its lines were run, and how many there are.
        whole_percent: so much of all lines is to be run.
    """
    all_ran, there = (sum(counts) for counts in zip(*ran.values(), strict=True))
    found = [
        f"{file}: {done} of {lines} lines; want {EACH_PERCENT} %"
        for file, (done, lines) in sorted(ran.items())
        if 100 * done < EACH_PERCENT * lines
    ]
    if 100 * all_ran < whole_percent * there:
        found.append(f"all: {all_ran} of {there} lines; want {whole_percent:g} %")
    return found


def main() -> int:
    """Look at the data, and tell; returns the exit status."""
    import coverage  # the tests of this module do without

    measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    ran = {}
    for path in sorted((ROOT / "av_synth").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if file not in _ELSEWHERE:
            _, lines, _, missing, _ = measured.analysis2(str(path))
            ran[file] = (len(lines) - len(missing), len(lines))
    done, there = (sum(counts) for counts in zip(*ran.values(), strict=True))
    print(f"{100 * done / there:.1f} % of {there} lines in {len(ran)} files were run")
    found = shortfalls(ran, float(str(measured.get_option("report:fail_under"))))
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""The processor cores that this process may use."""

from __future__ import annotations

import os

CORES = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()
"""Their numbers; empty where the operating system does not say."""

CORE_COUNT = len(CORES) or os.cpu_count() or 1
"""How many there are; as many processes are of use, for each with its simulator keeps a core busy by turns."""

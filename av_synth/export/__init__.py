"""Formats other than our own, each a pure fold over committed runs: no simulator, no clock, no order of completion."""

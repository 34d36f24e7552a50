"""Programs of who works on the package, each run from the repository's root as `python -m tools.NAME`."""

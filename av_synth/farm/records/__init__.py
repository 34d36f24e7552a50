"""Records: what a store says of its campaign, and where the runs of it are."""

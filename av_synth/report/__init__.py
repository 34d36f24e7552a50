"""Pictures of datasets for people to look at."""

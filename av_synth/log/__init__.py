"""The state log that every run writes: who was where in each frame."""

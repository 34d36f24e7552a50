"""Events: which of a scenario's begin at a frame, by their triggers."""

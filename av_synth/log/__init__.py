"""What a log is told in: states of actors at a frame, where a log comes from, and the vocabulary of nuScenes."""

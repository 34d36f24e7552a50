"""CARLA's recorder and replayer: a world is written down frame by frame, and played back into a world."""

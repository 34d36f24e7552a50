"""Files of CARLA's recorder."""

"""av_synth: labelled nuScenes data of rare driving events, made with CARLA or the simulator in this package."""

__version__ = "0.1.0"

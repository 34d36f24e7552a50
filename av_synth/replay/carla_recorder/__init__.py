"""Files of CARLA's recorder (`av_synth/recording`) turned into a state log, and written of one."""

from av_synth.replay.carla_recorder.adapt import of_recording
from av_synth.replay.carla_recorder.record import recording_of, uids_of, write

__all__ = ["of_recording", "recording_of", "uids_of", "write"]

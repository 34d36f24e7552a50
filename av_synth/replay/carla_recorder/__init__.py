"""Files of CARLA's recorder: read, turned into a state log, and written of one."""

from av_synth.replay.carla_recorder.adapt import of_recording
from av_synth.replay.carla_recorder.model import Recording
from av_synth.replay.carla_recorder.read import decode, read
from av_synth.replay.carla_recorder.record import recording_of, uids_of, write
from av_synth.replay.carla_recorder.write import encode

__all__ = ["Recording", "decode", "encode", "of_recording", "read", "recording_of", "uids_of", "write"]

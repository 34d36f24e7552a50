"""Files of CARLA's recorder: bytes -> `Recording` -> bytes. What runs make of them is in `av_synth/replay`."""

from av_synth.recording.model import Added, Attribute, Frame, Recording
from av_synth.recording.read import decode, read
from av_synth.recording.write import encode, encode_frame, encode_header, table

__all__ = [
    "Added",
    "Attribute",
    "Frame",
    "Recording",
    "decode",
    "encode",
    "encode_frame",
    "encode_header",
    "read",
    "table",
]

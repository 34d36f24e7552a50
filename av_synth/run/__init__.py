"""execute(spec, address, sinks): the only tick loop, and the sink that writes the folder of a run."""

from av_synth.run.execute import execute
from av_synth.run.recorder import Recorder
from av_synth.run.spec import Context, RunResult, RunSpec, RunUpTick, Sink, Skipped, Tick

__all__ = ["Context", "Recorder", "RunResult", "RunSpec", "RunUpTick", "Sink", "Skipped", "Tick", "execute"]

"""`python -m av_synth.cli`: the same as `av-synth`."""

from av_synth.cli import main

main()

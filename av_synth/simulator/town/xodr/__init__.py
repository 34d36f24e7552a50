"""Towns out of OpenDRIVE files: what CARLA calls standalone mode.

`document` opens a text safely, `reading` and `signals` say what is in it, `curves` and `roads` where that is in the
world; `ribbons`, `paint` and `ground` make surfaces of it, `lights` and `spawning` what stands on them; `town` puts a
town together.
"""

from av_synth.simulator.town.xodr.document import read_text
from av_synth.simulator.town.xodr.town import NAME, OpenDriveTown, build_opendrive_town

__all__ = ["NAME", "OpenDriveTown", "build_opendrive_town", "read_text"]

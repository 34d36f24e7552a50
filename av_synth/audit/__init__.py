"""Is a dataset worth training on: what is in it, what is missing, what is there twice, what drifted, what leaks.

`audit` reads a dataset in nuScenes format, of av_synth or not, from its tables and the images of its front camera.
Every alarm has a null: how far the figure goes by luck alone, with scenes as what chance deals (`nulls`).
"""

from av_synth.audit.audit import STRENGTHS, audit
from av_synth.audit.model import Audit, Finding

__all__ = ["STRENGTHS", "Audit", "Finding", "audit"]

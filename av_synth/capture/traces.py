"""Vignetting and noise of a rig's cameras, put into their images here, whatever the simulator."""

from __future__ import annotations

from dataclasses import replace

from av_synth.capture.frameset import CameraImage, FrameSet
from av_synth.rig.model import Camera, Rig
from av_synth.scenario.distributions import stream
from av_synth.sensing.photo import grainy, vignetted


class CameraTraces:
    """Applies what cameras leave in their images to one FrameSet after the other; labels are not touched.

    Chance is the run's own: of scenario, seed, channel and frame, and of nothing else.
    """

    def __init__(self, scenario: str, seed: int, rig: Rig) -> None:
        """Of a run: the name of its scenario, its seed, and its sensors."""
        self._scenario, self._seed = scenario, seed
        self._cameras = [camera for camera in rig.cameras if camera.vignetting_ev or camera.noise is not None]

    def apply(self, frames: FrameSet) -> FrameSet:
        """The frames as the cameras record them."""
        changed = {
            camera.channel: self._traced(camera, frames.cameras[camera.channel], frames.index)
            for camera in self._cameras
            if camera.channel in frames.cameras
        }
        return replace(frames, cameras={**frames.cameras, **changed}) if changed else frames

    def _traced(self, camera: Camera, seen: CameraImage, index: int) -> CameraImage:
        image = seen.bgra
        if camera.vignetting_ev:
            image = vignetted(image, (camera.cx_px, camera.cy_px), camera.vignetting_ev)
        if camera.noise is not None:
            random = stream(self._scenario, f"noise {camera.channel} {index}", self._seed)
            image = grainy(image, camera.noise.full_well_e, camera.noise.read_noise_e, camera.iso, random)
        return CameraImage(image)

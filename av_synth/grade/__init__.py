"""Detections graded against a dataset: as the nuScenes detection task does it, and by slices, with intervals."""

from av_synth.grade.boxes import grade
from av_synth.grade.grades import ClassMetrics, Grades, Metrics, SliceGrade
from av_synth.grade.images import Detections2D, grade_images

__all__ = ["ClassMetrics", "Detections2D", "Grades", "Metrics", "SliceGrade", "grade", "grade_images"]

"""Is a nuScenes dataset true? Reads it from disk and shares no code with what wrote it."""

from av_synth.verify.findings import CHECKS, Finding, VerifyReport
from av_synth.verify.report.page import check_place, write_report
from av_synth.verify.report.text import write_text_report
from av_synth.verify.verifier import open_dataset, verify

__all__ = [
    "CHECKS",
    "Finding",
    "VerifyReport",
    "check_place",
    "open_dataset",
    "verify",
    "write_report",
    "write_text_report",
]

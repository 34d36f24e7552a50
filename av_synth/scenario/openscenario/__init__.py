"""ASAM OpenSCENARIO XML: import of 1.0 to 1.3, export to 1.2, each with a report of what was kept."""

from av_synth.scenario.openscenario.entities import document_name
from av_synth.scenario.openscenario.exporting import Exported, export
from av_synth.scenario.openscenario.importing import Imported, import_file
from av_synth.scenario.openscenario.report import Report

__all__ = ["Exported", "Imported", "Report", "document_name", "export", "import_file"]

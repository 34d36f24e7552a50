"""A page to browse scenes: which there are, what is in them, and their pictures with the boxes over them."""

from av_synth.report.browse.files import write_files
from av_synth.report.browse.library import Library
from av_synth.report.browse.server import BrowseServer
from av_synth.report.browse.sources import open_source

__all__ = ["BrowseServer", "Library", "open_source", "write_files"]

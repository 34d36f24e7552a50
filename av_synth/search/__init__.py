"""Near-misses by request: draws of a scenario that reach a target, found on the simulator without sensors (D8)."""

from av_synth.search.campaign import Campaign, load_campaign
from av_synth.search.search import Request, Summary, search
from av_synth.search.target import Target, parse_target

__all__ = ["Campaign", "Request", "Summary", "Target", "load_campaign", "parse_target", "search"]

"""The embedded simulator: a server that speaks CARLA 0.9.16's wire protocol. A program of its own that lives here.

Inside it everything is right-handed, in metres and radians; only `protocol/` speaks CARLA's left-handed degrees.
"""

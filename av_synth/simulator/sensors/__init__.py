"""Sensors: from a blueprint's attributes to the bytes of each frame.

`spec` and `lidars` read attributes, `cameras`, `rays` and `inertial` make data, `suite` decides what is due, in which
thread.
"""

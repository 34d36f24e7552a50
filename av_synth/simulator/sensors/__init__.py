"""Sensors: from a blueprint's attributes to the bytes of each frame.

`spec` reads attributes, `cameras`, `rays` and `inertial` make data, `suite` decides what is due, in which thread.
"""

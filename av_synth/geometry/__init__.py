"""Frames, rigid transforms, boxes and cameras.

`a_from_b` maps coordinates in frame b to frame a: ``p_world = world_from_ego @ p_ego``.
World, ego, actor and lidar frames are right-handed with x forward (east), y left (north), z up; cameras are
OpenCV (x right, y down, z forward). Quaternions are w, x, y, z. CARLA's left-handed degrees live in `carla.py`.
"""

"""A short cut-in without traffic: the searches of these tests are for draws of it."""

SHORT = """
name: short_cut_in
description: Somebody slower cuts in ahead of the ego.
duration_s: 3
parameters:
  ego_speed_kmh: {uniform: [45, 55]}
  slower_by_kmh: {uniform: [14, 24]}
  gap_m: {uniform: [6, 14]}
  cutter: {choice: [car, van]}
derived:
  wait_m: ${gap_m + 0.1}
road: {town: AvSynth01, length_m: 80, lanes: 2, ego_lane: rightmost}
ego:
  speed_kmh: ${ego_speed_kmh}
  reaction: {to: cutter, delay_s: 0.4, deceleration_mps2: 4}
actors:
  cutter:
    body: ${cutter}
    speed_kmh: ${ego_speed_kmh - slower_by_kmh}
    at: {ahead_m: "${gap_m + 6}", lane: left}
events:
  - {actor: cutter, when: {ego_gap_m: "${wait_m}"}, do: {cut_in: {duration_s: 1.5}}}
expectations:
  - {of: cutter, contact: false}
"""

"""A map of one straight road, by hand: a lane of 3.5 m against its direction, one or more along it."""

from __future__ import annotations

LANE = '<lane id="{}" type="driving" level="false"><link/><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'


def straight_road(right: int = 1, length_m: int = 400) -> str:
    """OpenDRIVE text of the road, whose id is 7, with so many lanes on its right."""
    return f"""<?xml version="1.0"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="4" name="straight" version="1.00" north="0" south="0" east="0" west="0">
    <geoReference><![CDATA[+proj=tmerc]]></geoReference>
  </header>
  <road name="straight" length="{length_m}" id="7" junction="-1">
    <link/>
    <planView><geometry s="0" x="0" y="0" hdg="0" length="{length_m}"><line/></geometry></planView>
    <elevationProfile/><lateralProfile/>
    <lanes><laneSection s="0">
      <left>{LANE.format(1)}</left>
      <center><lane id="0" type="none" level="false"><link/></lane></center>
      <right>{"".join(LANE.format(-number) for number in range(1, right + 1))}</right>
    </laneSection></lanes>
  </road>
</OpenDRIVE>
"""

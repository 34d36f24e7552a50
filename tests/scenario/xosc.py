"""Small OpenSCENARIO files and a straight road for them, written by hand."""

from __future__ import annotations

from pathlib import Path

from tests.straight_road import straight_road

ROAD = straight_road(right=2, length_m=500)
CAR = """<Vehicle name="{name}" vehicleCategory="{kind}">
  <BoundingBox><Center x="1.4" y="0" z="0.8"/><Dimensions length="4.6" width="1.8" height="1.6"/></BoundingBox>
  <Performance maxSpeed="70" maxAcceleration="10" maxDeceleration="10"/>
</Vehicle>"""
WALKER = '<Pedestrian name="{name}" model="{name}" mass="70" pedestrianCategory="pedestrian"/>'


def entity(name: str, kind: str = "car") -> str:
    """A ScenarioObject."""
    body = WALKER if kind == "pedestrian" else CAR
    return f'<ScenarioObject name="{name}">{body.format(name=name, kind=kind)}</ScenarioObject>'


def lane(lane_id: int, s: float, extra: str = "") -> str:
    """A LanePosition on the road."""
    return f'<LanePosition roadId="7" laneId="{lane_id}" s="{s}" offset="0">{extra}</LanePosition>'


def start(name: str, position: str, speed_mps: str | None = None, more: str = "") -> str:
    """Place, and maybe speed, of somebody at the start."""
    place = f"<PrivateAction><TeleportAction><Position>{position}</Position></TeleportAction></PrivateAction>"
    pace = "" if speed_mps is None else f"<PrivateAction>{speed(speed_mps, 'step', 'time', 0)}</PrivateAction>"
    return f'<Private entityRef="{name}">{place}{pace}{more}</Private>'


def speed(value: str, shape: str = "linear", dimension: str = "rate", dynamics: float = 2.0) -> str:
    """A SpeedAction with an absolute target."""
    return (
        f'<LongitudinalAction><SpeedAction><SpeedActionDynamics dynamicsShape="{shape}" '
        f'dynamicsDimension="{dimension}" value="{dynamics}"/><SpeedActionTarget>'
        f'<AbsoluteTargetSpeed value="{value}"/></SpeedActionTarget></SpeedAction></LongitudinalAction>'
    )


def lane_change(target: str, seconds: float = 3.0) -> str:
    """A LaneChangeAction."""
    return (
        '<LateralAction><LaneChangeAction><LaneChangeActionDynamics dynamicsShape="sinusoidal" '
        f'dynamicsDimension="time" value="{seconds}"/><LaneChangeTarget>{target}</LaneChangeTarget>'
        "</LaneChangeAction></LateralAction>"
    )


def by_entity(who: str, condition: str, edge: str = "none", delay: float = 0.0) -> str:
    """A Condition on somebody."""
    return (
        f'<Condition name="c" delay="{delay}" conditionEdge="{edge}"><ByEntityCondition>'
        f'<TriggeringEntities triggeringEntitiesRule="any"><EntityRef entityRef="{who}"/></TriggeringEntities>'
        f"<EntityCondition>{condition}</EntityCondition></ByEntityCondition></Condition>"
    )


def by_value(condition: str, delay: float = 0.0) -> str:
    """A Condition on nobody."""
    return (
        f'<Condition name="c" delay="{delay}" conditionEdge="none"><ByValueCondition>{condition}'
        "</ByValueCondition></Condition>"
    )


def at(seconds: float) -> str:
    """A Condition on the time."""
    return by_value(f'<SimulationTimeCondition value="{seconds}" rule="greaterThan"/>')


def event(name: str, who: str, action: str, *conditions: str, times: int = 1) -> str:
    """A ManeuverGroup with one Event."""
    return (
        f'<ManeuverGroup maximumExecutionCount="1" name="{name}G"><Actors selectTriggeringEntities="false">'
        f'<EntityRef entityRef="{who}"/></Actors><Maneuver name="{name}M"><Event name="{name}" priority="overwrite" '
        f'maximumExecutionCount="{times}"><Action name="{name}A"><PrivateAction>{action}</PrivateAction></Action>'
        f"<StartTrigger><ConditionGroup>{''.join(conditions)}</ConditionGroup></StartTrigger></Event></Maneuver>"
        "</ManeuverGroup>"
    )


def write(
    folder: Path,
    *groups: str,
    entities: str = entity("Ego") + entity("Other"),
    init: str = start("Ego", lane(-1, 50), "20") + start("Other", lane(-1, 90), "15"),
    version: str = "1.1",
    parameters: str = "",
    begins: str = at(0),
    catalogs: str = "",
    town: str = "straight.xodr",
    description: str = "two cars",
) -> Path:
    """A file of OpenSCENARIO, and its road beside it."""
    (folder / "straight.xodr").write_text(ROAD)
    major, _, minor = version.partition(".")
    file = folder / "their_scenario.xosc"
    file.write_text(
        f"""<?xml version="1.0" encoding="utf-8"?>
<OpenSCENARIO>
  <FileHeader revMajor="{major}" revMinor="{minor}" date="2024-01-01T00:00:00" description="{description}" author="a"/>
  <ParameterDeclarations>{parameters}</ParameterDeclarations>
  <CatalogLocations>{catalogs}</CatalogLocations>
  <RoadNetwork><LogicFile filepath="{town}"/></RoadNetwork>
  <Entities>{entities}</Entities>
  <Storyboard>
    <Init><Actions>{init}</Actions></Init>
    <Story name="story"><Act name="act">{"".join(groups)}
      <StartTrigger><ConditionGroup>{begins}</ConditionGroup></StartTrigger></Act></Story>
    <StopTrigger><ConditionGroup>{at(12)}</ConditionGroup></StopTrigger>
  </Storyboard>
</OpenSCENARIO>
"""
    )
    return file


def course(shape: str, timing: str = "<None/>", closed: str = "false") -> str:
    """A FollowTrajectoryAction along a shape."""
    return (
        f'<RoutingAction><FollowTrajectoryAction><TrajectoryRef><Trajectory name="t" closed="{closed}"><Shape>{shape}'
        f"</Shape></Trajectory></TrajectoryRef><TimeReference>{timing}</TimeReference>"
        '<TrajectoryFollowingMode followingMode="position"/></FollowTrajectoryAction></RoutingAction>'
    )

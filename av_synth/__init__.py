"""av_synth: labelled nuScenes data of rare driving events, made with CARLA or the simulator in this package.

    import av_synth

    concrete = av_synth.draw("cut_in_wet", seed=1)
    run = av_synth.make_run(concrete, rig="tiny", out="out/wet")
    dataset = av_synth.export_dataset("out/wet")
    night = av_synth.replay_run(run, weather="night", out="out/night")

The names in `__all__` are what a program may rely on (docs/how-to/python.md, `av_synth.api`); everything else may
change. Nothing is loaded before one of them is used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av_synth.api import (
        Address,
        AvSynthError,
        ConcreteScenario,
        Outcome,
        Rig,
        Run,
        Scenario,
        VerifyReport,
        draw,
        export_dataset,
        list_rigs,
        list_scenarios,
        load_rig,
        load_scenario,
        make_run,
        open_run,
        open_simulator,
        read_outcome,
        replay_run,
        verify_dataset,
    )

__version__ = "0.1.0"
__all__ = [
    "Address",
    "AvSynthError",
    "ConcreteScenario",
    "Outcome",
    "Rig",
    "Run",
    "Scenario",
    "VerifyReport",
    "__version__",
    "draw",
    "export_dataset",
    "list_rigs",
    "list_scenarios",
    "load_rig",
    "load_scenario",
    "make_run",
    "open_run",
    "open_simulator",
    "read_outcome",
    "replay_run",
    "verify_dataset",
]

if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        """A name of `__all__`, loaded with all the others when the first is used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from av_synth import api

        found = globals()[name] = getattr(api, name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

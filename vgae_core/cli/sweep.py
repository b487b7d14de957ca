"""``sweep``: many runs of one specification with some settings varied, kept in a folder that can be gone on with."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vgae_core.cli import specification, where
from vgae_core.cli.progress import Bar, read, scores, tell_warnings
from vgae_core.cli.runs import WORKSPACE
from vgae_core.cli.specification import specify
from vgae_core.data import arguments
from vgae_core.data.dataset import GraphData
from vgae_core.data.text import visible
from vgae_core.errors import RunError
from vgae_core.host.limits import SERVER_LIMITS
from vgae_core.runs.disk.files import finite
from vgae_core.runs.store.store import Store
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.sweeps.catalogue import TrialInfo
from vgae_core.runs.sweeps.choice import in_words
from vgae_core.settings import RunSpec
from vgae_core.settings.space import MAX_JSON, Space, objective, over_recipes, schema

if TYPE_CHECKING:
    from vgae_core.runs.sweeps.manager import Sweeps

LOOK_SECONDS = 0.2
NO_LIMIT = 10**9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--space",
        metavar="SPACE.json",
        help="which settings vary, and how; omit it with --set recipe=auto, which tries every recipe that fits",
    )
    parser.add_argument("--schema", action=_PrintSchema, help="print the JSON schema of SPACE.json, and exit")
    arguments.add(parser)
    specification.add_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="maximum number of points, overriding SPACE.json"
    )
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="minutes after which no further run starts"
    )
    parser.add_argument("--seeds", type=int, metavar="K", help="runs per point, with different seeds")
    where.add_arguments(parser)
    parser.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        help="a new folder, or that of an interrupted sweep to continue",
    )


class _PrintSchema(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **more: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help=str(more["help"]))

    def __call__(self, parser: argparse.ArgumentParser, *ignored: object) -> None:
        print(json.dumps(schema(), indent=2))
        parser.exit()


def run(options: argparse.Namespace) -> int:
    """Sweep, choose by validation pairs, and score the chosen point on the test pairs once."""
    place, out = where.chosen(options), Path(options.out)
    if out.exists() and (
        not out.is_dir() or (any(out.iterdir()) and not (out / "catalogue.sqlite").exists())
    ):
        raise RunError(f"Expected a new folder, or that of a sweep. Received: {out}.", where="--out")
    raw = read(options)
    if not options.json:
        tell_warnings(raw)
    spec, graph = specify(options, raw)
    spec, space = _space(options, spec, graph)

    os.environ.setdefault("DASK_DISTRIBUTED__LOGGING__DISTRIBUTED", "error")  # its start is no news
    from vgae_core.runs.sweeps.choice import optimism_of, table
    from vgae_core.runs.sweeps.manager import Sweeps
    from vgae_core.runs.workers.engine import Engine  # Dask and Optuna, only now that they are needed

    # One's own machine: nobody else waits.
    limits = dataclasses.replace(
        SERVER_LIMITS,
        **dict.fromkeys(
            ("sweep_runs", "sweep_minutes", "kept_runs", "kept_bytes_of_one", "kept_bytes"), NO_LIMIT
        ),
    )
    store = Store(out, limits=limits)
    engine = Engine(store, place, limits=limits)
    sweeps = Sweeps(engine, store, limits=limits)
    try:
        sweep_id = _the_sweep(sweeps, spec, graph, space)
        show = _Follower(sweeps, store, sweep_id, as_json=options.json)
        show.follow()
        info = sweeps.catalogue.info(sweep_id)
        if not sweeps.is_refitted(info):
            sweeps.refit(sweep_id, WORKSPACE)
            info = sweeps.catalogue.info(sweep_id)
        refit = store.open_run(str(info.refit))
        show.refit(refit)
        if refit.info.status != "finished":
            raise RunError(f"The chosen point could not be trained again. {refit.info.message}")
        trials = sweeps.catalogue.trials(sweep_id)
        luck = optimism_of(store, trials)
        trials_table = table(info, trials)
        trials_table.to_csv(out / "trials.csv", index=False)
    except KeyboardInterrupt:
        print("\nInterrupted. Repeat the command to continue.", file=sys.stderr)
        return 130
    finally:
        sweeps.close()
        engine.close()
        store.close()
    chosen = next(trial for trial in trials if trial.number == info.chosen)
    names = [objective(name, spec).title for name in space.objectives]
    summary = {
        "chosen": {"trial": chosen.number, "settings": dict(chosen.point)},
        "validation": dict(zip(names, chosen.values or (), strict=False)),
        "optimism": None if luck is None else luck.by,
        "test": refit.metrics()["test"],
        "run": str(refit.path),
    }
    if options.json:
        print(json.dumps({"event": "Result", **finite(summary)}))
        return 0
    print(
        trials_table.drop(columns="message").to_string(index=False, float_format=lambda value: f"{value:.4g}")
    )
    print(f"\nChosen on validation pairs: trial {chosen.number} ({visible(in_words(chosen.point))}).")
    if luck is not None:
        print(
            f"The best of {luck.n_trials} validation scores is optimistic by about {luck.by:.4f} "
            f"(AUC + AP {luck.best:.4f}; {luck.corrected:.4f} on validation pairs not used for the choice)."
        )
    test = summary["test"]
    print(
        f"Trained again and scored on the test pairs, once: AUC {test['roc_auc']:.4f}, "
        f"average precision {test['average_precision']:.4f}. Run: {refit.path}"
    )
    return 0


def _space(options: argparse.Namespace, spec: RunSpec, graph: GraphData) -> tuple[RunSpec, Space]:
    """Return the specification that varies and its space: that of the file, or the recipes to choose among.

    Raises
    ------
    RunError, SpecError
        If there is neither, or they make no sense together.
    """
    if options.space is not None:
        with Path(options.space).open(encoding="utf-8-sig") as file:
            space = Space.from_json(file.read(MAX_JSON + 1))
    elif spec.recipe == "auto":
        spec, space = over_recipes(spec, has_features=graph.features is not None, minutes=float(NO_LIMIT))
    else:
        raise RunError(
            "Expected --space SPACE.json, or --set recipe=auto.", mend="--schema prints what it may contain."
        )
    given = {name: getattr(options, name) for name in ("trials", "minutes", "seeds")}
    space = dataclasses.replace(space, **{name: value for name, value in given.items() if value is not None})
    space.check(spec)
    return spec, space


def _the_sweep(sweeps: Sweeps, spec: RunSpec, graph: GraphData, space: Space) -> str:
    """Return the sweep of this folder: the one that was begun, else a new one.

    Raises
    ------
    RunError
        If the folder holds another one.
    """
    for info in sweeps.catalogue.of_workspace(WORKSPACE):
        if (info.spec, info.space, info.fingerprint) != (spec, space, graph.fingerprint):
            raise RunError(
                "This folder holds a sweep with other settings or data.",
                where="--out",
                mend="Use a new folder.",
            )
        sweeps.resume(info.id, WORKSPACE)
        return str(info.id)
    return str(sweeps.start(spec, graph, space, WORKSPACE))


class _Follower:
    """Tells how a sweep goes on: on a terminal a bar of the runs at work, elsewhere a line for each trial that ends.

    Parameters
    ----------
    sweeps, store
    sweep_id : str
    as_json : bool
        Whether each trial that ends is a line of JSON instead.
    """

    def __init__(self, sweeps: Sweeps, store: Store, sweep_id: str, *, as_json: bool) -> None:
        self._sweeps, self._store, self._id, self._as_json = sweeps, store, sweep_id, as_json
        self._bar = Bar(sys.stderr)

    def follow(self) -> None:
        """Tell each trial as it ends, until the sweep does; a message only once.

        Raises
        ------
        RunError
            If it was paused, or no trial was completed.
        """
        printed: set[int] = set()
        message = ""
        while True:
            info = self._sweeps.catalogue.info(self._id)
            trials = self._sweeps.catalogue.trials(self._id)
            for trial in trials:
                if trial.state != "running" and trial.number not in printed:
                    printed.add(trial.number)
                    self._ended(trial)
            for trial in trials:
                if trial.state == "running":
                    self._at_work(f"trial {trial.number + 1} of at most {info.space.trials}", trial.runs)
            if info.message and info.message != message:
                self._bar.line(visible(info.message))
            message = info.message
            if info.status == "paused":
                self._bar.close()
                raise RunError(
                    info.message or "The sweep was paused.", mend="Repeat the command to continue."
                )
            if not info.active:
                self._bar.close()
                if not any(trial.state == "complete" for trial in trials):
                    raise RunError(info.message or "No trial finished.")
                return
            time.sleep(LOOK_SECONDS)

    def refit(self, run: StoredRun) -> None:
        """Tell how the chosen point is trained again, until it is."""
        self._bar.line("Training the chosen point again")
        while run.info.active:
            self._at_work("chosen point", (run.id,))
            time.sleep(LOOK_SECONDS)
        self._bar.close()

    def _ended(self, trial: TrialInfo) -> None:
        if self._as_json:
            event = {"event": "Trial", "trial": trial.number, "state": trial.state, "settings": trial.point}
            print(json.dumps({**event, "values": trial.values, "message": trial.message}), flush=True)
            return
        values = "  ".join(f"{value:.4f}" for value in trial.values or ())
        settings = visible(in_words(trial.point))
        self._bar.line(
            f"trial {trial.number:>3}  {trial.state:<8}  {values or visible(trial.message)}  {settings}"
        )

    def _at_work(self, title: str, run_ids: Sequence[str]) -> None:
        """Draw how far the run of a trial is that is at work."""
        for run_id in run_ids:
            run = self._store.open_run(run_id)
            history, epochs = run.history(), run.spec.training.epochs
            if run.info.active and history:
                last = history[-1]
                self._bar.part(last.epoch / epochs, f"{title}, epoch {last.epoch}/{epochs}{scores(last.val)}")

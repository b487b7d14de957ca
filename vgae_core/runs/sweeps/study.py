"""The search for the next point of a sweep, by Optuna: kept in memory, and rebuilt from the trials that are kept.

Each point is drawn by a sampler that begins anew with a seed of its own, so that it depends on the trials before it and
on nothing else: a sweep that is rebuilt goes on as if it had never been interrupted.
"""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial, TrialState

from vgae_core.runs.sweeps.catalogue import TrialInfo
from vgae_core.settings import RunSpec
from vgae_core.settings.space import WEIGHT, Space, objective, simplex

optuna.logging.set_verbosity(optuna.logging.ERROR)

State = Literal["running", "complete", "pruned", "failed"]

STATES: dict[str, TrialState] = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

STARTUP_TRIALS = 5
"""Complete trials before the first one may be pruned."""

LOOKS = 20
"""Epochs of a trial at which it is compared with others, spread over all; the first tenth of them is too early."""

_UNIFORM = (1e-4, 1.0 - 1e-4)
"""Where the numbers are drawn that weights of a simplex are made of: none becomes 0."""


class Study:
    """Points and their scores.

    Parameters
    ----------
    space : Space
    spec : RunSpec
        Whose settings vary.
    """

    def __init__(self, space: Space, spec: RunSpec) -> None:
        self.space, self.spec = space, spec
        self.distributions: dict[str, BaseDistribution] = {}
        for dimension in space.vary:
            whole = space.is_whole(dimension, spec)
            if dimension.values:
                texts = tuple(json.dumps(value) for value in dimension.values)
                self.distributions[dimension.key] = CategoricalDistribution(texts)
            elif whole:
                low, high = round(dimension.low or 0), round(dimension.high or 0)
                self.distributions[dimension.key] = IntDistribution(low, high, log=dimension.log)
            else:
                bounds = float(dimension.low or 0), float(dimension.high or 0)
                self.distributions[dimension.key] = FloatDistribution(*bounds, log=dimension.log)
        for name in space.simplex:
            self.distributions[WEIGHT.format(name)] = FloatDistribution(*_UNIFORM)
        if space.search == "grid":  # its points need not lie where a sampler would draw
            axes = {d.key: d.grid(whole=space.is_whole(d, spec)) for d in space.vary}
            self.distributions = {
                key: CategoricalDistribution(tuple(json.dumps(value) for value in axis))
                for key, axis in axes.items()
            }
        epochs = spec.training.epochs
        self.every = max(1, epochs // LOOKS)
        self._study = optuna.create_study(
            directions=[objective(name, spec).direction for name in space.objectives],
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=STARTUP_TRIALS, n_warmup_steps=max(1, epochs // 10)
            ),
        )

    @classmethod
    def of(cls, space: Space, spec: RunSpec, trials: Iterable[TrialInfo]) -> Study:
        """Return the study of a space with all the trials that are kept of it."""
        study = cls(space, spec)
        for trial in trials:
            study.add(trial.params, trial.state, trial.values, trial.course)
        return study

    def add(
        self,
        params: Mapping[str, Any],
        state: State,
        values: Sequence[float] | None = None,
        course: Mapping[int, float] | None = None,
    ) -> None:
        """Add a trial of before: in the order of their numbers.

        Parameters
        ----------
        params : mapping
            As :meth:`ask` returned them.
        state : str
        values : sequence of float, optional
            Of a complete trial, one for each objective.
        course : mapping of int to float, optional
            What :meth:`is_hopeless` was told, by epoch.
        """
        self._study.add_trial(
            optuna.trial.create_trial(
                state=STATES[state],
                params=dict(params),
                distributions=self.distributions,
                values=None if values is None or state != "complete" else list(values),
                intermediate_values=dict(course or {}),
            )
        )

    def ask(self) -> dict[str, Any] | None:
        """Return the next point as Optuna has it, None where a grid has no more."""
        number = len(self._study.trials)
        if self.space.search == "grid":
            point = self._grid_point()
            if point is None:
                return None
            self._study.enqueue_trial(point)
        seed = int(np.random.SeedSequence([self.space.seed, number]).generate_state(1)[0])
        self._study.sampler = (
            optuna.samplers.TPESampler(seed=seed)
            if self.space.search == "tpe"
            else optuna.samplers.RandomSampler(seed=seed)
        )
        return dict(self._study.ask(self.distributions).params)

    def _grid_point(self) -> dict[str, Any] | None:
        """Return the first point of the grid that was not asked for yet; None if all were.

        A grid that is tried as a whole goes in the order it is listed; of a larger one the trials are a random part.
        """
        axes = [d.choices for d in self.distributions.values()]  # type: ignore[attr-defined]
        points = list(itertools.product(*axes))
        order: Iterable[int] = range(len(points))
        if self.space.trials < len(points):
            order = np.random.default_rng(self.space.seed).permutation(len(points))
        asked = {tuple(trial.params[key] for key in self.distributions) for trial in self._study.trials}
        point = next((points[place] for place in order if points[place] not in asked), None)
        return None if point is None else dict(zip(self.distributions, point, strict=True))

    def is_hopeless(self, number: int, epoch: int, best: float) -> bool:
        """Note a trial's best score up to an epoch, and return whether it should end."""
        trial = self._trial(number)
        trial.report(best, epoch)
        return bool(trial.should_prune())

    def tell(self, number: int, state: State, values: Sequence[float] | None = None) -> None:
        """Note how a trial ended."""
        scores = None if state != "complete" or values is None else list(values)
        self._study.tell(number, scores, state=STATES[state])

    def point(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that parameters stand for, by key."""
        names = self.space.simplex
        weights = {WEIGHT.format(name) for name in names}
        found = {
            key: json.loads(value) if isinstance(self.distributions[key], CategoricalDistribution) else value
            for key, value in params.items()
            if key not in weights
        }
        if names:
            found |= simplex(self.spec, names, [params[WEIGHT.format(name)] for name in names])
        return found

    def front(self) -> list[int]:
        """Return the numbers of the complete trials that no other beats in one objective without loss in another."""
        done = [t for t in self._study.trials if t.state == TrialState.COMPLETE]
        if not done:
            return []
        return sorted(trial.number for trial in self._study.best_trials) if self._many else [self.best() or 0]

    def best(self) -> int | None:
        """Return the number of the complete trial that is best by the first objective, the first of equals."""
        done = [t for t in self._study.trials if t.state == TrialState.COMPLETE and t.values]
        best = min(done, key=lambda trial: (self._low_is_good(trial), trial.number), default=None)
        return None if best is None else int(best.number)

    def importance(self) -> dict[str, float]:
        """Return how much of the first objective's variation each setting explains, the largest first.

        Empty with fewer than four complete trials, or where nothing varies.

        References
        ----------
        Watanabe et al. 2023, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces,
        arXiv:2304.10255 (Optuna's default).
        """
        done = [t for t in self._study.trials if t.state == TrialState.COMPLETE and t.values]
        if len(done) < 4 or len({t.values[0] for t in done}) < 2:
            return {}
        with warnings.catch_warnings():  # of targets whose high values are wanted, which these are not
            warnings.simplefilter("ignore", UserWarning)
            found = optuna.importance.get_param_importances(
                self._study, target=self._low_is_good if self._many else None
            )
        return {key: float(value) for key, value in found.items()}

    def _low_is_good(self, trial: optuna.trial.FrozenTrial) -> float:
        sign = -1.0 if self._study.directions[0].name == "MAXIMIZE" else 1.0
        return sign * trial.values[0]

    @property
    def _many(self) -> bool:
        return len(self.space.objectives) > 1

    def _trial(self, number: int) -> Trial:
        return Trial(self._study, self._study.trials[number]._trial_id)

"""The script of a run: a plain Keras program that one can read, learn from and change.

It builds the network of the run and trains it on the same training data; batches and random numbers are its own, so
that it stays short. With the weights of the run, which its data file holds, it gives the scores of the run. Exact
repetition is ``train FILES --spec spec.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from vgae_core.analysis.stacking import joins
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import Profile
from vgae_core.errors import RunError
from vgae_core.runs.exports.script.data import write_script
from vgae_core.runs.exports.script.graph import GraphScript
from vgae_core.runs.exports.script.matrix import MatrixScript
from vgae_core.runs.store.folder import RunFolder
from vgae_core.settings import RunSpec

TOLERANCE = 1e-4
"""Largest difference between a score of the run and that of its script with the weights of the run."""


SCRIPTS: dict[str, type[GraphScript] | type[MatrixScript]] = {"vgae": GraphScript, "vae": MatrixScript}
"""How the script of a run is written, by the family of its model."""


def equivalent_script(spec: RunSpec, profile: Profile, *, stacked: bool = False) -> str:
    """Return a Python program that builds, trains and evaluates the model of a run, without this package.

    Parameters
    ----------
    spec : RunSpec
    profile : Profile
        Of the graph after its repairs.
    stacked : bool
        Whether the run combines the network's score with training-free ones.

    Returns
    -------
    str
        The program. It reads the arrays of :func:`vgae_core.runs.exports.script.data.script_data` from ``data.npz``
        beside it.

    Raises
    ------
    RunError
        If a part of the run has no form in a script: a loss of one's own, or messages that pass once.
    """
    if spec.training.propagation == "once" and FAMILIES[spec.model.family].links_nodes:
        raise RunError(
            "Runs with propagation `once` cannot be exported as a script: their data may exceed memory.",
            where="training.propagation",
            mend="Train with propagation `every_step` to get a script.",
        )
    return SCRIPTS[spec.model.family](spec, profile, stacked=stacked).text()


def export_script(run: RunFolder, to: Path | IO[bytes]) -> None:
    """Write the script of a finished run and its data as a zip.

    Parameters
    ----------
    run : RunFolder
    to : Path or binary file

    Raises
    ------
    RunError
        If the run has no result, or no form as a script.
    """
    text = equivalent_script(run.spec, run.graph().profile, stacked=joins(run.result().stack or {}))
    write_script(text, run, to)

"""Settings of a run as the command line gives them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgae_core.data import arguments
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.data.repairs import repair
from vgae_core.errors import SpecError
from vgae_core.runs.processes import environment
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family, in_steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that describe a run to a command."""
    parser.add_argument("--spec", metavar="S.json", help="a specification, such as the spec.json of a run")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one setting, e.g. model.latent_dim=32",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="same as --set training.epochs=N")
    parser.add_argument("--seed", type=int, metavar="S", help="same as --set seed=S")


def specify(options: argparse.Namespace, raw: RawGraph) -> tuple[RunSpec, GraphData]:
    """Return the specification that the arguments describe, and the graph after its repairs.

    Without ``--spec`` every output the data allow is listed, so that ``--set`` can switch it on.
    """
    spec = RunSpec.from_json(Path(options.spec).read_text("utf-8")) if options.spec else RunSpec()
    changes = _changes(options)
    spec = changed(spec, [change for change in changes if change[0].startswith("dataset.")])
    graph = repair(raw, spec.dataset.repairs)
    if not options.spec:
        profile = graph.profile
        family = str(dict(changes).get("model.family", graph.families[0]))
        spec = for_family(
            spec,
            family,
            feature_kind=profile.feature_kind,
            has_labels=profile.n_classes > 0,
            own_units=profile.own_units,
        )
    spec = changed(spec, [change for change in changes if not change[0].startswith("dataset.")])
    first = options.path[0]
    source = first if first.startswith(arguments.SAMPLE) else f"upload:{graph.fingerprint}"
    files = [report.how.to_dict() for report in raw.files]
    spec = spec.replace("dataset.source", source).replace("dataset.files", files)
    return spec.replace("dataset.name", graph.name), graph


def specify_prepared(options: argparse.Namespace, graph: GraphData, manifest: Mapping[str, Any]) -> RunSpec:
    """Return the specification that the arguments describe, of a graph that was prepared in parts.

    Repairs and split are those of the preparation, whose seed is the run's too unless it is given.
    """
    changes = _changes(options)
    fixed = next((key for key, _ in changes if key.startswith(("dataset.", "split."))), None)
    if fixed is not None:
        raise SpecError(
            "The repairs and the split of a prepared folder are fixed.",
            where=fixed,
            mend="Prepare it again with this setting.",
        )
    if options.spec:
        spec = RunSpec.from_json(Path(options.spec).read_text("utf-8"))
    else:
        profile = graph.profile
        spec = for_family(
            RunSpec(),
            "vgae",
            feature_kind=profile.feature_kind,
            has_labels=False,
            own_units=profile.own_units,
        )
        spec = in_steps(spec.replace("seed", manifest["seed"]))
    values = changed(spec, changes).to_dict()
    values["dataset"] |= {
        "source": f"upload:{graph.fingerprint}",
        "name": graph.name,
        "repairs": manifest["repairs"],
        "files": [],
    }
    values["split"] = manifest["split"]
    return RunSpec.from_dict(values)


def _changes(options: argparse.Namespace) -> list[tuple[str, Any]]:
    """Return the settings that arguments change, in order."""
    changes = [parse_change(text) for text in options.set]
    changes += [("training.epochs", options.epochs)] if options.epochs is not None else []
    return changes + ([("seed", options.seed)] if options.seed is not None else [])


def choose_threads(spec: RunSpec, graph: GraphData) -> None:
    """Give this process the threads of its run, unless TensorFlow has begun to work with others."""
    environment.take_threads(environment.operation_threads(spec, graph.profile))


def changed(spec: RunSpec, changes: Sequence[tuple[str, Any]]) -> RunSpec:
    """Return the specification with some settings replaced, in order."""
    for key, value in changes:
        spec = spec.replace(key, value)
    return spec


def parse_change(text: str) -> tuple[str, Any]:
    """Return key and value of ``dotted.key=value``; the value is JSON, or else text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SpecError(
            f"Expected dotted.key=value. Received: {text!r}.",
            where="--set",
            mend="For example model.latent_dim=32.",
        )
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
        return key, value

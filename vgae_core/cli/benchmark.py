"""``benchmark``: what training costs on this machine."""

from __future__ import annotations

import argparse
import json

from vgae_core.cli import specification
from vgae_core.cli.progress import read
from vgae_core.cli.specification import changed, choose_threads, parse_change, specify
from vgae_core.data import arguments
from vgae_core.data.synthetic import synthetic
from vgae_core.runs.processes import environment
from vgae_core.settings import RunSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    arguments.add(parser, optional=True)
    parser.add_argument(
        "--nodes", type=int, default=100_000, metavar="N", help="nodes of a generated graph, instead of PATH"
    )
    parser.add_argument(
        "--edges", type=int, default=1_000_000, metavar="M", help="edges of the generated graph"
    )
    specification.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print what a few epochs cost on this machine, as one line of JSON."""
    if options.path:
        spec, graph = specify(options, read(options))
    else:
        spec = changed(RunSpec(), [parse_change(text) for text in options.set])
        mapped = spec.training.propagation == "once"
        graph = synthetic(options.nodes, options.edges, seed=options.seed or 0, mapped=mapped)
    if options.epochs is not None:
        spec = spec.replace("training.epochs", options.epochs)
    choose_threads(spec, graph)

    environment.load_tensorflow()
    from vgae_core.runs.execution.benchmark import measure  # TensorFlow, only now that it is needed

    print(json.dumps(measure(spec, graph)))
    return 0

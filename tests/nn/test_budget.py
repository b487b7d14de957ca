"""Estimates against what Keras builds and what was measured, and the refusal that follows from them."""

import dataclasses

import pytest

from tests.graphs import communities
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import Profile
from vgae_core.errors import LimitError
from vgae_core.nn.budget import check_memory, estimate, parameter_count
from vgae_core.nn.models import describe
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs

PROFILE = Profile(300, 900, 70, 2_000, "binary", True, 4, False, False)
GRAPHS = [
    name
    for name, entry in ENCODERS.items()
    if name in ("normalised", "gcn", "linear", "sgc", "appnp", "sage")
]


def with_all_outputs(family="vgae"):
    offered = offered_outputs(feature_kind="binary", has_labels=True, family=family)
    outputs = tuple(dataclasses.replace(output, enabled=True) for output in offered)
    base = (
        RunSpec()
        if family == "vgae"
        else for_family(RunSpec(), family, feature_kind="binary", has_labels=True)
    )
    return dataclasses.replace(base, outputs=outputs)


@pytest.mark.parametrize("encoder", GRAPHS)
@pytest.mark.parametrize("hidden", [(), (32,), (48, 24)])
@pytest.mark.parametrize("variational", [True, False])
def test_parameters_are_those_that_keras_builds(encoder, hidden, variational):
    spec = with_all_outputs().replace("model.encoder", encoder).replace("model.hidden_units", hidden)
    spec = spec.replace("model.variational", variational)
    assert parameter_count(spec, PROFILE) == describe(spec, PROFILE)["parameters"]


@pytest.mark.parametrize("node_input", ["table", "random", "spectral", "spectral_table"])
@pytest.mark.parametrize("encoder", ["normalised", "gcn"])
def test_parameters_of_a_graph_without_features(node_input, encoder):
    profile = dataclasses.replace(PROFILE, n_features=0, feature_nnz=0, feature_kind=None)
    spec = RunSpec().replace("model.node_input", node_input).replace("model.encoder", encoder)
    assert parameter_count(spec, profile) == describe(spec, profile)["parameters"]


@pytest.mark.parametrize("decoder", [name for name, entry in DECODERS.items() if not entry.directed])
def test_parameters_of_decoders_are_nearly_those_that_keras_builds(decoder):
    spec = RunSpec().replace("model.decoder", decoder)
    assert parameter_count(spec, PROFILE) == pytest.approx(describe(spec, PROFILE)["parameters"], rel=0.02)


@pytest.mark.parametrize("hidden", [(), (40,), (40, 20)])
def test_parameters_of_a_matrix(hidden):
    assert "vae" in FAMILIES
    spec = with_all_outputs("vae").replace("model.hidden_units", hidden)
    profile = dataclasses.replace(PROFILE, n_edges=0)
    assert parameter_count(spec, profile) == pytest.approx(describe(spec, profile)["parameters"], rel=0.02)


def profile_of(n_nodes, n_edges):
    """Of a generated graph with 64 dense columns, as the command ``benchmark`` makes it."""
    return Profile(n_nodes, n_edges, 64, 64 * n_nodes, "real", False, 0, False, False)


MEASURED = [
    # nodes, edges, changes, peak of the process in MiB
    (2_700, 4_808, {}, 803),
    (20_000, 153_806, {}, 925),
    (100_000, 462_188, {}, 1_444),
    (2_700, 4_808, {"model.encoder": "gcn"}, 737),
    (20_000, 153_806, {"model.encoder": "gcn"}, 870),
    (100_000, 462_188, {"model.encoder": "gcn"}, 1_513),
    (100_000, 462_188, {"model.encoder": "appnp"}, 1_385),
    (100_000, 462_188, {"model.encoder": "sage"}, 1_375),
    (100_000, 462_188, {"model.latent_dim": 16}, 987),
    (100_000, 462_188, {"training.batch_size": 20_000}, 1_379),
    (100_000, 462_188, {"training.negatives_per_positive": 5}, 1_419),
    (100_000, 462_188, {"training.masked_edges": 0.5}, 1_393),
    (20_000, 153_806, {"model.decoder": "hadamard_mlp"}, 1_341),
    (100_000, 462_188, {"training.propagation": "once"}, 1_273),
]


@pytest.mark.parametrize(("n_nodes", "n_edges", "changes", "peak"), MEASURED)
def test_memory_is_estimated_within_three_tenths(n_nodes, n_edges, changes, peak):
    spec = RunSpec()
    for name, value in changes.items():
        spec = spec.replace(name, value)
    told = estimate(spec, profile_of(n_nodes, n_edges))["memory_mib"]
    assert told == pytest.approx(peak, rel=0.3)


@pytest.mark.parametrize(
    ("n_nodes", "n_edges", "seconds"),
    # An epoch with its validation scores, on two cores that nobody else used; the lower of two for each size.
    [(2_700, 4_808, 0.0073), (20_000, 153_806, 0.0495), (100_000, 462_188, 0.2752)],
)
def test_seconds_of_an_epoch_are_estimated_within_three_tenths(n_nodes, n_edges, seconds):
    told = estimate(RunSpec(), profile_of(n_nodes, n_edges))["seconds_per_epoch"]
    assert told == pytest.approx(seconds, rel=0.3)


# ------------------------------------------------------------------------------- refusal
def test_a_run_that_does_not_fit_is_refused_with_the_way_on():
    profile = profile_of(100_000, 462_188)
    check_memory(RunSpec(), profile, 2_000_000_000)
    with pytest.raises(LimitError) as caught:
        check_memory(RunSpec(), profile, 1_000_000_000)
    assert caught.value.message == "This run needs about 1.5 GB of memory; a run may take 1.0 GB here."
    assert "smaller latent size" in caught.value.mend
    assert "VGAE_STUDIO_LIMIT_RUN_MEMORY_BYTES" in caught.value.mend


def test_parameters_count_before_anything_is_built():
    profile = Profile(1_000, 5_000, 200_000, 10_000_000, "binary", True, 0, False, False)
    spec = RunSpec().replace("model.encoder", "gcn").replace("model.hidden_units", (4096,))
    with pytest.raises(LimitError, match=r"needs about 1\d"):
        check_memory(spec, profile, 8_000_000_000)


def test_of_several_recipes_the_largest_counts_and_those_that_fit_are_named():
    graph = communities()
    spec = dataclasses.replace(RunSpec(), recipe="auto")
    check_memory(spec, graph.profile, 2_000_000_000)
    with pytest.raises(LimitError, match="with recipe"):
        check_memory(spec, graph.profile, 500_000_000)

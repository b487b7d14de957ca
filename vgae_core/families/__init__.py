"""Families of models: the one place that knows what differs between graphs and matrices in a run."""

from __future__ import annotations

from vgae_core.families.base import Family
from vgae_core.families.graph import GraphFamily
from vgae_core.families.matrix import MatrixFamily
from vgae_core.settings import RunSpec

FAMILIES: dict[str, Family] = {family.name: family for family in (GraphFamily(), MatrixFamily())}
"""Families by name; :data:`vgae_core.catalogue.families.FAMILIES` has their words and outputs."""


def family_of(spec: RunSpec) -> Family:
    """Return the family of a specification's model."""
    return FAMILIES[spec.model.family]

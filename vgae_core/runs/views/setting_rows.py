"""Settings of several runs in rows, and which runs differ in nothing but the seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vgae_core.catalogue.identifiers import written
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.settings import RunSpec
from vgae_core.settings.fields import Setting, settings_of

UNUSED = "–"
"""Stands for a setting that a run does not have or that has no effect there."""


@dataclass(frozen=True)
class SettingRow:
    """One setting of several runs."""

    section: str
    title: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs do not all have the same."""
        return len(set(self.values)) > 1


def settings_rows(specs: Sequence[RunSpec]) -> list[SettingRow]:
    """Return every setting of some runs, in the order of the specification; those no run uses are left out."""
    flat = [_flat(spec) for spec in specs]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    return [SettingRow(*key, tuple(values.get(key, UNUSED) for values in flat)) for key in keys]


_SECTIONS = {"": "General", "dataset": "Data", "model": "Model", "split": "Split", "training": "Training"}


def _flat(spec: RunSpec) -> dict[tuple[str, str], str]:
    """Return the settings that count in a run, by section and title."""
    rows: dict[tuple[str, str], str] = {}
    unused = spec.unused()
    for setting in settings_of(RunSpec, family=spec.model.family):
        path = setting.key.split(".")
        value: Any = spec
        for part in path:
            value = getattr(value, part)
        section = _SECTIONS.get(path[0] if len(path) > 1 else "", path[0].capitalize())
        rows[section, setting.title] = UNUSED if setting.key in unused else _value(setting, value)
    for output in spec.active_outputs:
        title = OUTPUTS[output.name].title
        rows["Outputs", f"{title}: loss"] = written(output.loss)
        rows["Outputs", f"{title}: weight"] = f"{output.weight:g}"
        rows["Outputs", f"{title}: metrics"] = ", ".join(map(written, output.metrics)) or "none"
    return rows


def _value(setting: Setting, value: Any) -> str:
    """Return a value as forms show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (setting.zero and not value and not setting.optional):
        return setting.zero or "none"
    if setting.percent:
        return f"{100 * value:g} %"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {one}" for key, one in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    choice = str(value)
    readable = choice.replace("_", " ").capitalize() if choice in setting.choices else choice
    return setting.labels.get(choice, readable)


def seed_groups(runs: Sequence[tuple[str, RunSpec]]) -> list[list[int]]:
    """Return which runs differ in nothing but the seed, groups and their members in the order given.

    Parameters
    ----------
    runs : sequence of tuple
        Fingerprint of the data, and specification.
    """
    groups: dict[str, list[int]] = {}
    for place, (fingerprint, spec) in enumerate(runs):
        values = spec.to_dict() | {"seed": 0, "fingerprint": fingerprint}
        groups.setdefault(json.dumps(values, sort_keys=True), []).append(place)
    return list(groups.values())

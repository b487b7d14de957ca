"""Losses and metrics of one's own: offered under a name, by a function or by an installed package."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Callable
from typing import Any

from vgae_core.catalogue.base import nearest
from vgae_core.catalogue.lookup import CATALOGUES, find, snake
from vgae_core.catalogue.objectives import Kind, ObjectiveEntry
from vgae_core.catalogue.outputs import OUTPUTS, PAIRS
from vgae_core.catalogue.values import MATRIX_KINDS
from vgae_core.errors import SpecError

ENTRY_POINTS = "vgae_core.objectives"
"""Entry-point group whose functions register losses and metrics, in installations that ask for it."""


PLUGINS = "VGAE_STUDIO_PLUGINS"
"""Environment variable; ``1`` loads :data:`ENTRY_POINTS` when the package is imported."""


def register_loss(
    loss: Any,
    *,
    name: str | None = None,
    title: str | None = None,
    help: str = "",
    reference: str = "",
    outputs: tuple[str, ...] = PAIRS,
    targets: tuple[str, ...] = (),
    scale: str = "identity",
    replace: bool = False,
) -> str:
    """Offer a loss of one's own under a name, on the pages and in specifications, and return that name.

    Parameters
    ----------
    loss : function, keras.losses.Loss class, or str
        ``(y_true, y_pred) ->`` one number per row, or one per entry. As ``"package.module:name"`` it is imported when
        it is first used, so that processes without TensorFlow need not import it.
    name, title, help, reference : str
        What the catalogue shows; the name is that of the function, in snake case, unless given.
    outputs : tuple of str
        Outputs it is offered for. Heads of ``adj_rec`` and ``labels`` give logits.
    targets : tuple of str
        Kinds of target values it accepts (:data:`~vgae_core.catalogue.values.MATRIX_KINDS`); empty means any.
    scale : str
        What the head of ``x_rec`` and ``output`` gives under this loss: a key of
        :data:`~vgae_core.model_parts.heads.HEADS` with one number per column.
    replace : bool
        Take the place of an earlier registration of that name. Built-in names are never replaced.

    Raises
    ------
    SpecError
        If the name is taken or no name, or an argument is not one of the choices.
    """
    from vgae_core.model_parts.heads import HEADS  # needs NumPy, which `--help` does without

    scales = [name for name, head in HEADS.items() if head.width == 1]
    if scale not in scales:
        raise SpecError(f"`scale` is unknown: {scale!r}.{nearest(scale, scales)}")
    entry = ObjectiveEntry(
        title=title or "",
        help=help,
        reference=reference,
        outputs=outputs,
        targets=targets,
        scale=scale,
        factory=loss,
    )
    return _register("loss", name, entry, replace)


def register_metric(
    metric: Any,
    *,
    name: str | None = None,
    title: str | None = None,
    help: str = "",
    reference: str = "",
    outputs: tuple[str, ...] = tuple(OUTPUTS),
    targets: tuple[str, ...] = (),
    replace: bool = False,
) -> str:
    """Offer a metric of one's own under a name, and return that name.

    Parameters
    ----------
    metric : function, keras.metrics.Metric class, or str
        ``(y_true, y_pred) ->`` one number per row, or one per entry. Of ``adj_rec``, ``x_rec`` and ``output`` `y_pred`
        is on the scale of the targets (a probability, a rate, a value), of ``labels`` it is logits, and of ``z_vars``
        mean and log-variance side by side.
    name, title, help, reference, outputs, targets, replace
        As in :func:`register_loss`.

    Raises
    ------
    SpecError
        As :func:`register_loss`.
    """
    entry = ObjectiveEntry(
        title=title or "", help=help, reference=reference, outputs=outputs, targets=targets, factory=metric
    )
    return _register("metric", name, entry, replace)


def _register(kind: Kind, name: str | None, entry: ObjectiveEntry, replace: bool) -> str:
    catalogue, thing = CATALOGUES[kind], entry.factory
    if isinstance(thing, str):
        if not re.fullmatch(r"[\w.]+:\w+", thing):
            raise SpecError(f"Expected `package.module:name`. Received: {thing!r}.", where=f"register_{kind}")
        name = name or thing.rpartition(":")[2]
    elif not callable(thing):
        raise SpecError(f"Expected a function or a class. Received: {thing!r:.80}.", where=f"register_{kind}")
    name = snake(name or str(getattr(thing, "__name__", "")))
    if not name.isidentifier():
        raise SpecError(
            f"Expected a name. Received: {name!r}.", where=f"register_{kind}", mend="Pass `name`."
        )
    taken = catalogue.get(name)
    if find(kind, name) not in (None, name) or (taken is not None and (taken.factory is None or not replace)):
        raise SpecError(
            f"The {kind} `{name}` is taken.", where=f"register_{kind}", mend="Choose another name."
        )
    for given, known, what in ((entry.outputs, OUTPUTS, "outputs"), (entry.targets, MATRIX_KINDS, "targets")):
        strange = [item for item in given if item not in known]
        if strange:
            raise SpecError(
                f"`{what}` holds {strange[0]!r}.{nearest(strange[0], known)}", where=f"register_{kind}"
            )
    about = (
        entry.help or (inspect.getdoc(thing) or "" if not isinstance(thing, str) else "").partition("\n")[0]
    )
    catalogue[name] = ObjectiveEntry(
        **{
            **{f: getattr(entry, f) for f in ("reference", "outputs", "targets", "scale", "factory")},
            "title": entry.title or name.replace("_", " ").capitalize(),
            "help": about or "Registered by this installation.",
        }
    )
    return name


def registered(entry: ObjectiveEntry) -> Any:
    """Return the function or class of a registered entry, imported if it was given as text.

    Raises
    ------
    SpecError
        If the text of the registration names nothing.
    """
    if not isinstance(entry.factory, str):
        return entry.factory
    module, _, name = entry.factory.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"`{entry.factory}` cannot be imported: {error}.",
            mend="Fix its registration, or install its package.",
        ) from error


def load_entry_points() -> list[str]:
    """Call every function of the entry-point group :data:`ENTRY_POINTS`, and return their names.

    Each registers what its package offers.  Code of an installed package runs, so this is done only where the
    environment asks for it (:data:`PLUGINS`).
    """
    found = []
    import importlib.metadata  # a quarter of the time that help takes

    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        typing.cast(Callable[[], object], point.load())()
        found.append(point.name)
    return found

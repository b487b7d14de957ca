"""Train and explore variational (graph) auto-encoders on sparse data.

The package never imports Streamlit, and importing it (or ``vgae_core.settings``,
``vgae_core.data``, ``vgae_core.analysis``, ``vgae_core.runs.store``) never
imports TensorFlow.

:func:`register_loss` and :func:`register_metric` add losses and metrics of one's own. With
``VGAE_STUDIO_PLUGINS=1`` in the environment those of installed packages are added on import
(entry-point group ``vgae_core.objectives``).
"""

import os

from vgae_core.catalogue.registration import PLUGINS, load_entry_points, register_loss, register_metric

__all__ = ["__version__", "register_loss", "register_metric"]

__version__ = "0.1.0"

if os.environ.get(PLUGINS) == "1":
    load_entry_points()

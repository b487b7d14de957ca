"""Train and explore variational (graph) auto-encoders on sparse data.

The package never imports Streamlit, and importing it (or ``vgae_core.spec``,
``vgae_core.data``, ``vgae_core.analysis``, ``vgae_core.runs.store``) never
imports TensorFlow.
"""

__version__ = "0.1.0"

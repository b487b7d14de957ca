"""Files to take away: bundles, reports, embeddings, graphs, tables, logs, and a run as a Keras program."""

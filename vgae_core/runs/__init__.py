"""What is kept: pipeline, store, engine, export."""

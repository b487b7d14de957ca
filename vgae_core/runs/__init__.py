"""What is kept of runs, a folder a task, as docs/architecture.md lists them."""

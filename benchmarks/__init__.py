"""What the project costs: time and memory, measured side by side in one run."""

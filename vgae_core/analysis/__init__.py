"""What it tells: link metrics, baselines, embedding views and reconstruction (NumPy only)."""

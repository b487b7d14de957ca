"""The Data page: bringing files, how they are read and repaired, pictures of what came in."""

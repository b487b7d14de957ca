"""The Model page: recipes, outputs with their losses and metrics, what it would cost."""

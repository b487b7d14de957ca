"""How it learns: events, budget, batches and the trainer."""

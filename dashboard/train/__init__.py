"""The Train page: a run while it learns."""

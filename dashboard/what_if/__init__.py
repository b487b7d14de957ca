"""The What if page: the edits of a scenario and the answers to it."""

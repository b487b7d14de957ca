"""The Sweep page: the form of a sweep, its trials and their pictures."""

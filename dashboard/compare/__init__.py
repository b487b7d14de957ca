"""The Compare page: what is worked out of two or more runs."""

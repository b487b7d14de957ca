"""The Runs page: the table of runs and what one may do with those chosen."""

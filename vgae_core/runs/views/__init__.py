"""What pages, reports and commands show of runs: tables, answers, comparisons, figures."""

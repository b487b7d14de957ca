"""Who trains, and when: the queue of runs, turns, and workers on this machine or elsewhere."""

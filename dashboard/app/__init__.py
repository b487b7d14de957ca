"""What stands around every page: one visitor's work, the frame, steps and keys, bounds of uploads, the start."""

"""The host that all of this runs on: what it accepts, temporary files, imports of much at once."""

"""What pages ask with: forms of settings, choices by name, work with progress and cancel."""

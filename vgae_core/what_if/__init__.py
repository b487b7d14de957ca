"""What-if questions to a finished run: edits, exact answers before and after, reasons."""

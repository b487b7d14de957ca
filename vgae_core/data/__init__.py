"""What comes in: dataset types, readers, samples, repairs and splits."""

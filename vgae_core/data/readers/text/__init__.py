"""From bytes to fields: encodings, separators, comments, lines, numbers as people write them. Knows no format."""

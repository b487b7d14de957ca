"""What the columns of a table mean, told from evidence: header, ends of an edge, roles, sides, uses for nodes."""

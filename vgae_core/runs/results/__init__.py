"""What a finished run is: scores, codes and factors as plain arrays, and what follows from these alone."""

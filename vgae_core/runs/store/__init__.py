"""Where runs, data sets and visitors' work are kept, and the catalogue that finds them."""

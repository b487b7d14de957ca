"""Formats of arrays and matrices: NumPy, SciPy, MATLAB, HDF5, counts of cells, vectors by row; no pickle is trusted."""

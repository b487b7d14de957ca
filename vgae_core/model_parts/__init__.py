"""Parts of a model, each written once for Keras, NumPy and the script of a run: heads, encoders, decoders."""

"""What is learnt: layers, encoders, decoders, models, objectives (TensorFlow)."""

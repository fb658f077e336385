"""Hasher: networks, losses, training, evaluation, and the model folders that they end in."""

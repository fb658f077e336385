"""What happens to pictures on their way around the world: edits, drawn by chance, for training and for measuring."""

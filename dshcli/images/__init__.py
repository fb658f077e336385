"""Images: walk folders, open a file as pixels, digest its bytes."""

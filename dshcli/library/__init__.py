"""Library: the SQLite index of images and their codes."""

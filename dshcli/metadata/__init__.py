"""What people and cameras wrote about a picture: read from files and their XMP sidecars, and written to sidecars."""

"""The model that ships with the package, `photo`, and the script that made it."""

"""dsh: find duplicate and similar images by learned binary codes."""

__version__ = "0.1.0"

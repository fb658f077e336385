"""The review page: groups of images side by side, to be marked; offline as a report, or served."""

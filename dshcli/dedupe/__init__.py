"""Dedupe: which image of a group to keep, and why."""

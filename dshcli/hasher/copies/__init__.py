"""Training without labels: each photo is a class of its own, and its edits are what belongs together."""

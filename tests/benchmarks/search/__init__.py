"""One script for each claim about search and groups; each prints the machine, the versions, and a ratio or a bar."""

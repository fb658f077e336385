"""What indexing costs, one script a claim: throughput, the second run, decode scale, threads and sizes, other tools."""

"""Show: turns results into output. The only place that prints data (stdout) and closing words (stderr)."""

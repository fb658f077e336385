"""How well methods find copies of pictures, and how often they take different ones for copies.

python -m tests.benchmarks.copies --photos DIR --others DIR [--model NAME ...] [--limit N] [--json FILE]

Originals and distractors are pictures that the built-in model was not trained on. Each original goes through every edit
of `edits`, is written as a file and then looked for. `traps` are different pictures in one layout that nobody would
call copies. Files that were made once are kept in the work folder, codes too: another model costs its hashing alone.
"""

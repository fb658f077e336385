"""Sets: what is wrong with labelled images before anybody trains on them. Leaks between splits, labels that do not fit."""

"""Sets: what is wrong with labelled images: leaks between splits, pictures under two labels, labels that do not fit."""

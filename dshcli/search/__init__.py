"""Search: Hamming neighbours, pairs within a radius, and groups. Arrays in, arrays out."""

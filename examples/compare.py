"""How far apart are two pictures? Hashes both and prints the Hamming distance of their codes.

python examples/compare.py examples/photos/A.jpg examples/photos/B.jpg
"""

import sys

import numpy as np

import dshcli

first, second = sys.argv[1:3]
model = dshcli.find_model("photo")
encoder = dshcli.Encoder(model)
pixels = np.stack([dshcli.open_image(path, encoder.spec).pixels for path in (first, second)])
codes = encoder.encode(pixels)
distance = int(dshcli.hamming(codes[0], codes[1]))
verdict = "the same picture" if distance <= model.config.radius else "different pictures"
print(f"{distance} of {encoder.bits} bits differ: {verdict} (radius {model.config.radius})")

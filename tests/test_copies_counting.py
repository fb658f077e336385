"""Pairs of photos and their copies, counted by distance: as a slow reference does it, and rates where few were seen."""

import numpy as np
import pytest

from dshcli.codes import hamming
from dshcli.hasher.copies import related
from dshcli.hasher.copies.calibration import calibrate
from dshcli.hasher.copies.judging import WAYS, CopyCodes, figures_of
from dshcli.hasher.copies.related import nearest_pairs


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_counted_as_a_slow_one_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, edited, fillers, bits = 9, 4, 2, 20
    codes = CopyCodes(
        np.packbits(rng.integers(0, 2, (count, bits), dtype=np.uint8), axis=1),
        np.packbits(rng.integers(0, 2, (edited, len(WAYS), bits), dtype=np.uint8), axis=2),
    )
    alike = rng.random((count, count)) < 0.2
    alike |= alike.T
    counts = [0] * (bits + 1)
    for i in range(count):
        for j in range(i + 1, count):
            if not alike[i, j]:
                counts[hamming(codes.originals[i], codes.originals[j])] += 1
    for i in range(edited):
        for j in range(count - fillers):
            beside = any(alike[filler, j] for filler in range(count - fillers, count))
            if i != j and not alike[i, j] and not beside:
                for copy in codes.copies[i]:
                    counts[hamming(copy, codes.originals[j])] += 1
    figures = figures_of(codes, bits, alike, 1e-6, fillers)
    assert figures.unrelated.tolist() == counts
    assert figures.calibration.pairs == sum(counts)
    for way, name in enumerate(WAYS):
        own = [int(hamming(codes.copies[i, way], codes.originals[i])) for i in range(edited)]
        assert figures.copies[name].tolist() == own
        assert figures.recall(9)[name] == sum(distance <= 9 for distance in own) / edited


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_pairs_are_those_of_a_slow_search(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(related, "MOST", 12)
    rng = np.random.default_rng(seed)
    count, edited, fillers = 10, 3, 2
    codes = CopyCodes(
        rng.integers(0, 256, (count, 4), dtype=np.uint8),
        rng.integers(0, 256, (edited, len(WAYS), 4), dtype=np.uint8),
    )
    near = {}
    for i in range(count):
        for j in range(i + 1, count):
            all_of_them = [int(hamming(codes.originals[i], codes.originals[j]))]
            for one, other in ((i, j), (j, i)):
                if one < edited and other < count - fillers:
                    all_of_them += [int(hamming(copy, codes.originals[other])) for copy in codes.copies[one]]
            near[i, j] = min(all_of_them)
    assert nearest_pairs(codes, fillers) == sorted(near, key=lambda pair: (near[pair], pair))[:12]


def test_rates_where_few_pairs_were_seen() -> None:
    """Ten times fewer pairs per bit: 1000, 100, 10 within 9, 8, 7, so 1 is expected within 6, and a tenth within 5."""
    counts = np.diff((0, *(0,) * 7, 10, 100, 1000, 10_000, 2_000_000))
    calibration = calibrate(counts, 1e-6)
    assert calibration.expected_rate(6) == pytest.approx(0.5e-6)
    assert calibration.expected_rate(5) == pytest.approx(0.05e-6)
    assert calibration.expected_rate(8) == 100 / 2_000_000
    assert calibration.expected_rate(calibration.radius) <= 1e-6 < calibration.expected_rate(calibration.radius + 1)
    empty = calibrate(np.zeros(9, np.int64), 1e-6)
    assert (empty.pairs, empty.expected_rate(4)) == (0, 0)

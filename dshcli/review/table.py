"""The groups under review, packed: hundreds of thousands fit into memory, and each digest leads to its groups."""

import pickle
from array import array
from collections.abc import Iterable

import numpy as np

from dshcli.commands.dupes import Group
from dshcli.library.contents import DIGEST_BYTES


class GroupTable:
    """Groups by position, from 0, in the order in which they were found. Read-only, so any thread may ask."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self._packed: list[bytes] = []
        digests, owners = bytearray(), array("i")
        for position, group in enumerate(groups):
            # As objects, a group of two takes three times as much. These bytes never leave this process.
            self._packed.append(pickle.dumps(group, pickle.HIGHEST_PROTOCOL))
            for image in group.images:
                digests += image.digest
                owners.append(position)
        keys = np.frombuffer(bytes(digests), f"S{DIGEST_BYTES}")
        order = np.argsort(keys, kind="stable")
        self._digests, self._owners = keys[order], np.array(owners, np.int32)[order]

    def __len__(self) -> int:
        return len(self._packed)

    def group(self, position: int) -> Group:
        """Raises IndexError if there is none."""
        return pickle.loads(self._packed[position])  # type: ignore[no-any-return]

    def having(self, digest: bytes) -> set[int]:
        """The positions of the groups with an image of this content."""
        if len(digest) != DIGEST_BYTES:
            return set()
        key = np.array(digest, self._digests.dtype)
        start, stop = np.searchsorted(self._digests, key, "left"), np.searchsorted(self._digests, key, "right")
        return set(self._owners[start:stop].tolist())

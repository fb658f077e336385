"""Groups as they stand today: the keeper that was chosen comes first, and each other image has its verdict."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from dshcli.codes import hamming
from dshcli.commands.dupes import SIMILAR, Group, Member
from dshcli.dedupe.verdicts import CHOICE, Verdicts
from dshcli.dedupe.verified import BY_OTHERS
from dshcli.library.decisions import Verdict
from dshcli.library.proofs import saved_proof
from dshcli.library.store import Image, Index
from dshcli.proof.kinds import Kind
from dshcli.proof.proving import PixelProver


@dataclass(frozen=True)
class Basis:
    """How the groups were made. model: the key of the model whose codes made them; verified: whether they are proven on
    their pixels."""

    model: int
    verified: bool


class Ground:
    """What groups stand on now: the decisions of an open index. chosen: contents to be kept before others."""

    def __init__(self, index: Index, basis: Basis) -> None:
        self._index, self._basis = index, basis
        self._verdicts = Verdicts.load(index)
        self.chosen = self._verdicts.chosen

    def pairs(self, verdict: Verdict) -> list[tuple[bytes, bytes]]:
        """The pairs of contents on which that was decided."""
        return [pair for pair, told in self._verdicts.pairs.items() if told is verdict]

    def standing(self, group: Group) -> Group:
        """The group with today's keeper, and today's verdicts on it and the members. Raises DshError."""
        group = self._led_by_chosen(group)
        contents = Counter(image.digest for image in group.images)
        told = (self._verdicts.told(group.keeper.digest, member.image.digest, contents) for member in group.members)
        members = (replace(m, verdict=str(verdict or "")) for m, verdict in zip(group.members, told, strict=True))
        return replace(group, members=tuple(members))

    def _led_by_chosen(self, group: Group) -> Group:
        """The group around the keeper that was chosen, where that is not the one of the rules."""
        images = group.images
        keeper = max(images, key=lambda image: self.chosen.get(image.digest, ""))  # of the latest choice, the first
        if keeper.digest not in self.chosen:
            return group
        if keeper.id == group.keeper.id:
            return replace(group, why=CHOICE)
        known = {member.image.id: member for member in group.members}
        stays = known[keeper.id].stays
        known[group.keeper.id] = replace(known[keeper.id], stays=group.stays)  # what one is to the other
        others = (image for image in images if image.id != keeper.id)
        return replace(
            group,
            keeper=keeper,
            why=CHOICE,
            members=tuple(self._seen_from(keeper, image, known[image.id]) for image in others),
            frees=group.frees + group.keeper.size - keeper.size,
            stays=stays,
        )

    def _seen_from(self, keeper: Image, image: Image, known: Member) -> Member:
        """What an image is to another keeper than the one that `known` is about."""
        kind, detail = SIMILAR, BY_OTHERS if self._basis.verified else ""
        if image.digest == keeper.digest:
            kind, detail = Kind.EXACT, ""
        elif self._basis.verified:
            proof = saved_proof(self._index, PixelProver().version, keeper.digest, image.digest)
            if proof is not None and proof.accepted:
                kind, detail = proof.kind, proof.detail
        return replace(
            known,
            image=image,
            distance=self._distance(keeper, image, known.distance),
            exact=image.digest == keeper.digest,
            kind=kind,
            detail=detail,
        )

    def _distance(self, one: Image, other: Image, unknown: int) -> int:
        codes = [self._index.code(image.id, self._basis.model) for image in (one, other)]
        a, b = (np.frombuffer(code or b"", np.uint8) for code in codes)
        return int(hamming(a, b)) if len(a) == len(b) > 0 else unknown


class Grounds:
    """The ground for one answer after the other: all decisions are read again only where a page begins, or where
    somebody decided meanwhile. For one thread, whose index it always is."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis
        self._held: tuple[object, Ground] | None = None

    def now(self, index: Index, *, anew: bool) -> Ground:
        """Raises DshError."""
        version = index.rows("PRAGMA data_version")  # another one once another connection has written
        if anew or self._held is None or self._held[0] != version:
            self._held = version, Ground(index, self._basis)
        return self._held[1]

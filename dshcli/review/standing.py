"""Groups as they stand today: the keeper that was chosen comes first, and each other image has its verdict."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from dshcli.codes import hamming
from dshcli.commands.dupes import SIMILAR, Group, Member
from dshcli.dedupe.verified import BY_OTHERS
from dshcli.library.decisions import Decisions, Verdict
from dshcli.library.proofs import saved_proof
from dshcli.library.store import Image, Index
from dshcli.proof.kinds import Kind
from dshcli.proof.proving import PixelProver
from dshcli.review.table import images_of

CHOSEN = "chosen by you"  # why a chosen keeper is kept


@dataclass(frozen=True)
class Standing:
    """A group with what was decided about each member and the keeper: a verdict, or "". chosen: the contents that
    people want kept before others, of all groups."""

    group: Group
    verdicts: tuple[str, ...]
    chosen: frozenset[bytes]


class Ground:
    """What groups stand on: the decisions of an open index. model: the key of the model whose codes made the groups;
    verified: whether they are proven on their pixels."""

    def __init__(self, index: Index, model: int, *, verified: bool) -> None:
        self._index, self._model, self._verified = index, model, verified
        self._decisions = Decisions(index)
        self._chosen = frozenset(self._decisions.chosen())

    def standing(self, group: Group) -> Standing:
        """Raises DshError."""
        group = self._led_by_chosen(group)
        files = Counter(image.digest for image in images_of(group))
        verdicts = (self._verdict(group.keeper, member.image, files) for member in group.members)
        return Standing(group, tuple(verdicts), self._chosen)

    def _verdict(self, keeper: Image, image: Image, files: Counter[bytes]) -> str:
        found = self._decisions.find(keeper.digest, image.digest)
        if found is None or (found.verdict is Verdict.BOTH and 0 < found.files < files[image.digest]):
            return ""  # another file of these bytes has come since both were to be kept
        return str(found.verdict)

    def _led_by_chosen(self, group: Group) -> Group:
        """The group around the keeper that was chosen, where that is not the one of the rules."""
        images = images_of(group)
        keeper = next((image for image in images if image.digest in self._chosen), None)
        if keeper is None:
            return group
        if keeper.id == group.keeper.id:
            return replace(group, why=CHOSEN)
        known = {member.image.id: member for member in group.members}
        known[group.keeper.id] = known[keeper.id]  # what one is to the other
        others = (image for image in images if image.id != keeper.id)
        return replace(
            group,
            keeper=keeper,
            why=CHOSEN,
            members=tuple(self._seen_from(keeper, image, known[image.id]) for image in others),
            frees=group.frees + group.keeper.size - keeper.size,
        )

    def _seen_from(self, keeper: Image, image: Image, known: Member) -> Member:
        """What an image is to another keeper than the one that `known` is about."""
        kind, detail = SIMILAR, BY_OTHERS if self._verified else ""
        if image.digest == keeper.digest:
            kind, detail = Kind.EXACT, ""
        elif self._verified:
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
        codes = [self._index.code(image.id, self._model) for image in (one, other)]
        a, b = (np.frombuffer(code or b"", np.uint8) for code in codes)
        return int(hamming(a, b)) if len(a) == len(b) > 0 else unknown

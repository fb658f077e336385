"""What is known about two images, as facts for people, or as one record."""

from typing import Any

from dshcli.commands.explain import Explanation, Place, Side, Tried, Waves
from dshcli.library.decisions import Verdict
from dshcli.show.screen import Format, Screen
from dshcli.show.text import bytes_text, count, escaped, near

Fact = tuple[str, str]
_SHOWN = {
    1: "upright", 2: "mirrored left to right", 3: "with a half turn", 4: "mirrored top to bottom",
    5: "mirrored over the diagonal", 6: "with a quarter turn right", 7: "mirrored over the other diagonal",
    8: "with a quarter turn left",
}  # fmt: skip


def show_explanation(screen: Screen, found: Explanation) -> None:
    """Prints the facts of each image, of both, and the conclusion."""
    if screen.format is Format.JSON:
        screen.json(record(found))
        return
    blocks = [("first", side_facts(found.one)), ("second", side_facts(found.other)), ("both", pair_facts(found))]
    for name, facts in blocks:
        if screen.format is Format.PLAIN:
            for key, value in facts:
                screen.line(f"{name}\t{key}\t{escaped(value)}")
            continue
        screen.line(f"{name}:")
        for key, value in facts:
            screen.line(f"  {key:<14}{escaped(value)}")


def side_facts(side: Side) -> list[Fact]:
    """What is known about one image alone."""
    orientation = "" if side.orientation == 1 else f"; EXIF {side.orientation}: shown {_SHOWN[side.orientation]}"
    indexed = f"yes, {count(len(side.paths), 'file')} of this content" if side.paths else "no"
    facts = [
        ("path", side.path),
        ("picture", f"{side.width}x{side.height} {side.format}, {bytes_text(side.size)}{orientation}"),
        ("sha256", side.digest.hex()),
        ("holds", f"{side.information:.2f} of 1" + (" (flat: grouped by equal bytes alone)" if side.flat else "")),
        ("indexed", indexed),
    ]
    return [*facts, ("chosen", "yes, it is kept before others of its group")] if side.chosen else facts


def pair_facts(found: Explanation) -> list[Fact]:
    """What is known about both, the conclusion last."""
    facts = [
        ("model", found.model_id),
        ("distance", f"{found.distance} of {found.bits} bits (radius {found.radius}, of dsh dupes {_reach(found)})"),
    ]
    if found.waves is not None:
        facts.append(("waves", waves_words(found.waves)))
    facts.append(("candidates", candidate_words(found)))
    facts += [("proof", proof_words(found)), ("decided", decision_words(found))]
    if found.looked:
        facts += [("group of 1st", _place_words(found.places[0])), ("group of 2nd", _place_words(found.places[1]))]
    return [*facts, ("so", conclusion(found))]


def _reach(found: Explanation) -> str:
    images = f" among {count(found.images, 'image')}" if found.images else ""
    return f"{found.candidate_radius}{images}"


def waves_words(waves: Waves) -> str:
    """How far apart they are in the nearest orientation."""
    turned = waves.orientation
    if "turn" in turned.split():
        how = f"once the first is given a {turned}"
    else:
        how = f"once the first is {turned}" if turned.startswith("mirrored") else f"with the first {turned}"
    return f"{waves.differing} of {waves.of} differ {how} (limit {waves.limit})"


def candidate_words(found: Explanation) -> str:
    """Whether codes or waves make them candidates."""
    if found.exact:
        return "not needed: equal bytes"
    if found.decision is not None:
        different = found.decision.verdict is Verdict.DIFFERENT
        return "no: you decided that they are different" if different else "not needed: you decided that they are one"
    if found.one.flat or found.other.flat:
        return "no: a flat image is compared with none"
    if found.near == "codes":
        return f"yes: {found.distance} bits are within {found.candidate_radius}"
    if found.near == "waves" and found.waves is not None:
        return f"yes: {found.waves.differing} waves are within {found.waves.limit}"
    return "no: too far apart by codes" + (" and by waves" if found.waves is not None else "")


def proof_words(found: Explanation) -> str:
    """What the pixels say, and what was measured."""
    proof, tried = found.proof, found.tried
    words = f"{proof.kind}: {proof.detail}" if proof.detail else str(proof.kind)
    if not proof.accepted:
        return f"rejected ({words}): {_rejected(tried)}"
    return f"accepted: {words}{_measured(tried)}"


def _measured(tried: Tried | None) -> str:
    if tried is None:
        return ""
    features = f", {count(tried.inliers, 'local feature')} agree" if tried.inliers else ""
    return f" ({tried.share:.0%} of the detail agrees, {tried.changed:.1%} of the cells changed{features})"


def _rejected(tried: Tried | None) -> str:
    if tried is None:
        return "nothing of one could be laid over the other"
    if tried.turned_down:
        return "they agree, but as another shot of the same place does, or in a corner alone" + _measured(tried)
    return (
        f"of {count(tried.attempts, 'way')} to lay one over the other, in the best one {tried.share:.0%} of the detail "
        f"agrees; {tried.clean:.0%} of the cells are clean, {tried.covered:.0%} covered"
    )


def decision_words(found: Explanation) -> str:
    """What was decided about the two."""
    decision = found.decision
    return "nothing" if decision is None else f"{decision.verdict} ({decision.decided})"


def _place_words(place: Place | None) -> str:
    if place is None:
        return "none"
    group = f"group {place.group} of {count(place.images, 'image')}"
    if place.role == "keeper":
        return f"{group}, which it keeps ({place.why})"
    kind = f"{place.kind}: {place.detail}" if place.detail else place.kind
    stays = ", decided to stay" if place.role == "kept" else ""
    return f"{group}, as {kind}{stays}; kept is {near(place.keeper)} ({place.why})"


def conclusion(found: Explanation) -> str:
    """Why they are one picture to dsh dupes or two; and where the groups say otherwise, why that can be."""
    together, why = _judged(found)
    both_indexed = bool(found.one.paths and found.other.paths)
    if not found.looked or not (both_indexed or together):
        return f"{'one picture' if together else 'two pictures'}: {why}"
    first, second = found.places
    in_one = first is not None and second is not None and first.group == second.group
    if in_one == together:
        return f"{'in one group' if together else 'kept apart'}: {why}"
    if in_one:
        return f"in one group by way of other images, although {why}"
    if not both_indexed:
        return f"one picture: {why}; no group has both, since not both are in the index"
    return f"kept apart, although {why}: each is in the group of a keeper that is nearer, or has nearer candidates"


def _judged(found: Explanation) -> tuple[bool, str]:
    if found.exact:
        return True, "equal bytes"
    if found.decision is not None:
        together = found.decision.verdict is not Verdict.DIFFERENT
        return together, f"you decided: {found.decision.verdict}"
    if found.one.flat or found.other.flat:
        return False, "a flat image is grouped by equal bytes alone"
    if not found.near:
        return False, "they are no candidates, " + ("whatever a proof says" if found.proof.accepted else "nor copies")
    if not found.verify:
        return True, f"{found.distance} bits are within the radius"
    if found.proof.accepted:
        return True, f"candidates by {found.near}, and proven: {found.proof.kind}"
    return False, f"candidates by {found.near}, but the proof failed"


def record(found: Explanation) -> dict[str, Any]:
    """All of it as one record."""
    waves, tried, decision = found.waves, found.tried, found.decision
    return {
        "one": _side_record(found.one),
        "other": _side_record(found.other),
        "model": found.model_id,
        "bits": found.bits,
        "radius": found.radius,
        "candidate_radius": found.candidate_radius,
        "images": found.images,
        "distance": found.distance,
        "waves": None if waves is None else vars(waves),
        "candidates": bool(found.near) and not (found.one.flat or found.other.flat),
        "near": found.near,
        "verify": found.verify,
        "proof": vars(found.proof) | {"kind": str(found.proof.kind), "accepted": found.proof.accepted},
        "tried": None if tried is None else vars(tried),
        "verdict": "" if decision is None else str(decision.verdict),
        "decided": "" if decision is None else decision.decided,
        "groups": [None if place is None else vars(place) for place in found.places] if found.looked else None,
        "so": conclusion(found),
    }


def _side_record(side: Side) -> dict[str, Any]:
    return {
        "path": side.path,
        "bytes": side.size,
        "width": side.width,
        "height": side.height,
        "format": side.format,
        "sha256": side.digest.hex(),
        "orientation": side.orientation,
        "information": round(side.information, 4),
        "flat": side.flat,
        "code": side.code.tobytes().hex(),
        "chosen": side.chosen,
        "indexed": list(side.paths),
    }

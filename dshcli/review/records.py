"""A group as it stands, as JSON for the page."""

from typing import Any

from dshcli.review.standing import Standing


def standing_record(standing: Standing) -> dict[str, Any]:
    group = standing.group
    images = [group.keeper, *(m.image for m in group.members)]
    return {
        "group": group.number,
        "frees": group.frees,
        "why": group.why,
        "images": [
            {"digest": i.digest.hex(), "path": i.path, "verdict": v, "chosen": i.digest in standing.chosen}
            for i, v in zip(images, ("", *standing.verdicts), strict=True)
        ],
    }

"""Colours of classes that people with any kind of sight can tell apart, as far as that goes."""

import colorsys

# Okabe & Ito's colours, and three more of like contrast on white and on black
DISTINCT = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c510a", "#7b3294", "#a6a600", "#7f7f7f",
)  # fmt: skip


def class_colours(count: int) -> list[str]:
    """So many colours; beyond ten, hues around the circle in three strengths."""
    if count <= len(DISTINCT):
        return list(DISTINCT[:count])
    colours = []
    for i in range(count):
        red, green, blue = colorsys.hls_to_rgb(i / count, (0.42, 0.55, 0.66)[i % 3], 0.75)
        colours.append(f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}")
    return colours

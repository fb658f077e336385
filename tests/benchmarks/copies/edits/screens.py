"""A picture among other things: inside the screen of a phone or of a desktop, or in a collage."""

from PIL import Image, ImageDraw

from tests.benchmarks.copies.edits.canvas import BLACK, WHITE, Picture, Rng, colour, fitted, font, pick, scaled

NAMES = ["anna.k", "the_real_joe", "wanderer", "mum", "tiny kitchen", "oldtown", "Paul", "Mira S."]
REMARKS = ["so good!", "where is this?", "need one", "haha", "love the colours", "again?", "first!", "how much?"]
GRAY = (142, 142, 147)


def in_phone(picture: Picture, rng: Rng) -> Picture:
    """A feed on a phone: status bar, a name, the picture over the full width, likes and remarks."""
    dark = bool(rng.random() < 0.4)
    back, ink = (BLACK, WHITE) if dark else (WHITE, BLACK)
    width = max(240, picture.width)
    height = round(width * float(rng.uniform(1.9, 2.2)))
    unit = width / 40
    shown = scaled(picture, width / picture.width)
    if shown.height > 1.5 * width:
        shown = fitted(shown, width, round(1.5 * width))
    out = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(out)
    draw.text((unit, unit * 0.6), f"{rng.integers(0, 24)}:{rng.integers(10, 60)}", ink, font(unit * 1.6))
    draw.rectangle((width - 4 * unit, unit, width - unit, 2 * unit), outline=ink)
    top = round(unit * float(rng.uniform(7, 11)))
    draw.ellipse((unit, top - 4 * unit, 4 * unit, top - unit), colour(rng, 60, 220))
    draw.text((5 * unit, top - 3.6 * unit), pick(rng, NAMES), ink, font(unit * 1.9))
    out.paste(shown, (0, top))
    below = top + shown.height + unit
    for number, x in enumerate((1, 5, 9)):
        box = (x * unit, below, (x + 2.6) * unit, below + 2.6 * unit)
        (draw.ellipse if number else draw.rectangle)(box, outline=ink, width=2)
    draw.text((unit, below + 3.4 * unit), f"{rng.integers(2, 900)} likes", ink, font(unit * 1.8))
    for line in range(int(rng.integers(1, 5))):
        text = f"{pick(rng, NAMES)}  {pick(rng, REMARKS)}"
        draw.text((unit, below + (6.2 + 2.6 * line) * unit), text, ink if line % 2 else GRAY, font(unit * 1.7))
    draw.rectangle((width * 0.33, height - unit, width * 0.67, height - unit * 0.6), ink)
    return out


def in_desktop(picture: Picture, rng: Rng) -> Picture:
    """A viewer's window on a desktop: title bar, side bar with entries, the picture in the middle."""
    share = float(rng.uniform(0.5, 0.72))  # of the screen's height
    height = round(picture.height / share)
    width = max(round(height * 16 / 10), round(picture.width / 0.72))
    out = Image.new("RGB", (width, height), colour(rng, 200) if rng.random() < 0.6 else colour(rng, 0, 60))
    draw = ImageDraw.Draw(out)
    bar = round(height * 0.06)
    draw.rectangle((0, 0, width, bar), (60, 63, 70))
    draw.text((bar * 4, bar * 0.2), f"IMG_{rng.integers(1000, 9999)}.jpg - Viewer", WHITE, font(bar * 0.55))
    for number, paint in enumerate(((255, 95, 86), (255, 189, 46), (39, 201, 63))):
        left = bar * (0.4 + 0.9 * number)
        draw.ellipse((left, bar * 0.25, left + bar * 0.5, bar * 0.75), paint)
    column = round(width * 0.16)
    draw.rectangle((0, bar, column, height), (235, 236, 240))
    for row in range(int(rng.integers(4, 10))):
        draw.text((6, bar * (1.5 + 1.2 * row)), pick(rng, NAMES), (60, 60, 60), font(bar * 0.5))
    draw.rectangle((0, height - bar, width, height), (30, 31, 36))
    free_x, free_y = width - column - picture.width, height - 2 * bar - picture.height
    left = column + max(0, round(free_x * float(rng.uniform(0.3, 0.7))))
    out.paste(picture, (left, bar + max(0, round(free_y * float(rng.uniform(0.3, 0.7))))))
    return out


def collage(picture: Picture, rng: Rng, *others: Picture) -> Picture:
    """The picture and one to three others, each in full width or in a grid, in any order, with a gap between them."""
    pictures = [picture, *others[: int(rng.integers(1, len(others) + 1))]]
    pictures = [pictures[number] for number in rng.permutation(len(pictures))]
    tile, gap = max(picture.size), int(rng.integers(0, 9))
    columns = 1 if len(pictures) == 2 and picture.width > picture.height else 2
    rows = -(-len(pictures) // columns)
    size = (columns * (tile + gap) + gap, rows * (tile + gap) + gap)
    out = Image.new("RGB", size, WHITE if rng.random() < 0.5 else colour(rng))
    for number, one in enumerate(pictures):
        shown = one if one is picture else fitted(one, tile, tile)
        x, y = gap + (number % columns) * (tile + gap), gap + (number // columns) * (tile + gap)
        out.paste(shown, (x + (tile - shown.width) // 2, y + (tile - shown.height) // 2))
    return out

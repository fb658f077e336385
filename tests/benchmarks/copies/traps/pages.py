"""Pages with one layout and other text: letters, columns, headings, code, tables, forms."""

from PIL import Image, ImageDraw

from tests.benchmarks.copies.edits.canvas import BLACK, WHITE, Picture, Rng, font
from tests.benchmarks.copies.traps.words import amount, name, sentence, words

WIDTH, HEIGHT = 620, 877  # A4 at 75 dots per inch
INK = (25, 25, 25)


def _sheet(back: tuple[int, int, int] = WHITE) -> tuple[Picture, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (WIDTH, HEIGHT), back)
    return page, ImageDraw.Draw(page)


def _fill(draw: ImageDraw.ImageDraw, rng: Rng, box: tuple[int, int, int, int], size: int) -> None:
    """Lines of text from the top of the box (left, top, right, bottom) to its bottom; paragraphs as they come."""
    left, top, right, bottom = box
    letters, line = font(size), ""
    while top < bottom - size:
        for word in sentence(rng).split():
            if draw.textlength(f"{line} {word}", letters) > right - left:
                draw.text((left, top), line, INK, letters)
                top, line = top + round(size * 1.35), ""
                if top >= bottom - size:
                    return
            line = f"{line} {word}".strip()
        if rng.random() < 0.12:
            draw.text((left, top), line, INK, letters)
            top, line = top + round(size * 2.1), ""


def book_page(rng: Rng) -> Picture:
    page, draw = _sheet()
    _fill(draw, rng, (60, 70, 560, 800), 15)
    draw.text((WIDTH / 2, 835), str(rng.integers(1, 600)), INK, font(12), anchor="mm")
    return page


def dense_page(rng: Rng) -> Picture:
    page, draw = _sheet((250, 248, 243))
    _fill(draw, rng, (45, 45, 575, 840), 11)
    return page


def paper(rng: Rng) -> Picture:
    """A title, a summary, two columns."""
    page, draw = _sheet()
    draw.text((WIDTH / 2, 60), words(rng, 6).title(), BLACK, font(22), anchor="mm")
    draw.text((WIDTH / 2, 90), f"{name(rng)}, {name(rng)}", INK, font(13), anchor="mm")
    _fill(draw, rng, (110, 120, 510, 220), 10)
    _fill(draw, rng, (45, 240, 300, 830), 11)
    _fill(draw, rng, (320, 240, 575, 830), 11)
    return page


def letter(rng: Rng) -> Picture:
    page, draw = _sheet()
    for row in range(4):
        draw.text((60, 60 + 18 * row), name(rng), INK, font(14))
    draw.text((440, 170), f"{rng.integers(1, 29)}. {rng.integers(1, 13)}. 20{rng.integers(10, 26)}", INK, font(14))
    draw.text((60, 230), words(rng, 5).capitalize(), BLACK, font(17))
    _fill(draw, rng, (60, 280, 560, 280 + int(rng.integers(230, 330))), 14)
    draw.text((60, 720), name(rng), INK, font(20))
    return page


def slide(rng: Rng) -> Picture:
    page = Image.new("RGB", (960, 540), WHITE)
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 960, 90), (32, 64, 120))
    draw.text((40, 45), words(rng, 4).title(), WHITE, font(38), anchor="lm")
    for row in range(5):
        draw.ellipse((60, 150 + 70 * row, 74, 164 + 70 * row), (32, 64, 120))
        draw.text((95, 142 + 70 * row), words(rng, int(rng.integers(4, 7))), INK, font(28))
    return page


def code(rng: Rng) -> Picture:
    """An editor with other lines of a program."""
    page = Image.new("RGB", (900, 600), (30, 30, 34))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 900, 34), (50, 50, 56))
    draw.text((20, 8), f"{words(rng, 1)}.py", (210, 210, 210), font(16))
    depth = 0
    for row in range(24):
        y = 46 + 22 * row
        draw.text((30, y), str(row + 1), (110, 110, 110), font(14), anchor="ra")
        paint = ((86, 156, 214), (206, 145, 120), (220, 220, 220))[int(rng.integers(3))]
        text = f"{words(rng, 1)}_{words(rng, 1)} = {words(rng, 1)}({words(rng, int(rng.integers(1, 5)))})"
        draw.text((50 + 28 * depth, y), text, paint, font(15))
        depth = min(3, max(0, depth + int(rng.integers(-1, 2))))
    return page


def table(rng: Rng) -> Picture:
    """A sheet of numbers: the same lines and headings, other figures."""
    page, draw = _sheet()
    draw.text((60, 50), "Statement of account", BLACK, font(22))
    for row in range(26):
        y = 100 + 28 * row
        if row % 2:
            draw.rectangle((50, y, 570, y + 28), (238, 241, 246))
        draw.line((50, y, 570, y), (160, 160, 160))
        cells = ("Item", "Quantity", "Price", "Sum") if not row else _cells(rng)
        for text, x in zip(cells, (60, 250, 360, 470), strict=True):
            draw.text((x, y + 6), text, INK, font(14))
    for x in (50, 240, 350, 460, 570):
        draw.line((x, 100, x, 100 + 28 * 26), (160, 160, 160))
    return page


def _cells(rng: Rng) -> tuple[str, str, str, str]:
    return words(rng, 2), str(rng.integers(1, 500)), amount(rng), amount(rng)


def form(rng: Rng) -> Picture:
    """A filled form: the same fields, other entries."""
    page, draw = _sheet()
    draw.rectangle((40, 40, 580, 90), (222, 230, 240))
    draw.text((55, 52), "Application for a permit", BLACK, font(22))
    fields = ("Name", "Street", "Town", "Born on", "Telephone", "E-mail", "Occupation", "Employer", "Income", "Reason")
    for number, field in enumerate(fields):
        y = 130 + 62 * number
        draw.text((50, y), field, (90, 90, 90), font(12))
        draw.rectangle((50, y + 17, 570, y + 47), outline=(120, 120, 120))
        entry = amount(rng) if number in (3, 4, 8) else words(rng, int(rng.integers(2, 6)))
        draw.text((60, y + 22), entry, (20, 30, 120), font(17))
    for number in range(3):
        x = 50 + 180 * number
        draw.rectangle((x, 780, x + 18, 798), outline=BLACK)
        if rng.random() < 0.5:
            draw.line((x, 780, x + 18, 798, x + 18, 780, x, 798), BLACK, 2)
        draw.text((x + 26, 780), ("once", "each year", "each month")[number], INK, font(14))
    return page

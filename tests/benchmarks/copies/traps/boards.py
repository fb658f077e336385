"""Pictures whose fixed parts weigh much, while all content is other: chess boards, tickets, calendars, charts."""

from PIL import Image, ImageDraw

from tests.benchmarks.copies.edits.canvas import BLACK, WHITE, Picture, Rng, font
from tests.benchmarks.copies.traps.words import amount, name, words

INK, LINE = (30, 30, 34), (190, 194, 200)
MEN = "KQRBNP"


def chess(rng: Rng) -> Picture:
    """A diagram of a position: one board, 14 to 26 men on other squares."""
    side = 60
    board = Image.new("RGB", (8 * side + 40, 8 * side + 40), (48, 46, 43))
    draw = ImageDraw.Draw(board)
    for row in range(8):
        for column in range(8):
            x, y = 20 + side * column, 20 + side * row
            draw.rectangle((x, y, x + side, y + side), ((238, 238, 210), (118, 150, 86))[(row + column) % 2])
    for square in rng.permutation(64)[: int(rng.integers(14, 27))].tolist():
        x, y = 20 + side * (square % 8 + 0.5), 20 + side * (square // 8 + 0.5)
        paint, ink = ((250, 250, 250), BLACK) if rng.random() < 0.5 else ((40, 40, 40), WHITE)
        draw.ellipse((x - 22, y - 22, x + 22, y + 22), paint, BLACK, 2)
        draw.text((x, y), MEN[int(rng.integers(len(MEN)))], ink, font(28), anchor="mm")
    return board


def ticket(rng: Rng) -> Picture:
    """A boarding card: the same bars, fields and mark; other people, places, times, and other stripes in the code."""
    card = Image.new("RGB", (760, 320), WHITE)
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, 0, 760, 60), (16, 60, 130))
    draw.ellipse((20, 12, 56, 48), (240, 190, 40))
    draw.text((75, 30), "BOARDING CARD", WHITE, font(28), anchor="lm")
    fields = ("Name", "From", "To", "Flight", "Date", "Seat", "Gate", "Boards at")
    for number, field in enumerate(fields):
        x, y = 24 + 200 * (number % 3), 76 + 80 * (number // 3)
        draw.text((x, y), field, (120, 120, 120), font(12))
        entry = words(rng, 2).title() if number < 3 else f"{words(rng, 1)[:2].upper()} {rng.integers(10, 9999)}"
        draw.text((x, y + 18), entry, INK, font(23))
    x = 640
    while x < 740:
        wide = int(rng.integers(1, 6))
        draw.rectangle((x, 80, x + wide - 1, 300), INK)
        x += wide + int(rng.integers(1, 6))
    return card


def month(rng: Rng) -> Picture:
    """A sheet of a calendar: the same grid and numbers, other entries on most days."""
    sheet = Image.new("RGB", (840, 640), WHITE)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, 840, 56), (180, 40, 50))
    draw.text((420, 28), "Appointments", WHITE, font(30), anchor="mm")
    for day in range(35):
        x, y = 120 * (day % 7), 60 + 116 * (day // 7)
        draw.rectangle((x, y, x + 119, y + 115), WHITE, LINE)
        draw.text((x + 6, y + 4), str(day + 1) if day < 31 else "", (120, 120, 120), font(15))
        for line in range(int(rng.integers(0, 5)) if day < 31 else 0):
            top = y + 26 + 21 * line
            paint = ((208, 228, 250), (250, 222, 208), (214, 240, 214))[int(rng.integers(3))]
            draw.rectangle((x + 4, top, x + 115, top + 18), paint)
            draw.text((x + 8, top + 1), words(rng, 2)[:15], INK, font(13))
    return sheet


def chart(rng: Rng) -> Picture:
    """A page of figures: the same frame and axes, other bars, names and sums."""
    page = Image.new("RGB", (900, 560), (246, 247, 249))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 160, 560), (38, 46, 62))
    for row, text in enumerate(("Overview", "Orders", "Customers", "Stock", "Reports", "Settings")):
        draw.text((20, 30 + 42 * row), text, (205, 210, 220), font(17))
    for number, text in enumerate(("Income", "Orders", "Returns")):
        x = 180 + 240 * number
        draw.rectangle((x, 20, x + 220, 110), WHITE, LINE)
        draw.text((x + 14, 30), text, (120, 120, 120), font(14))
        draw.text((x + 14, 55), amount(rng), INK, font(32))
    draw.rectangle((180, 130, 660, 540), WHITE, LINE)
    for bar in range(12):
        x, tall = 200 + 38 * bar, float(rng.uniform(15, 370))
        draw.rectangle((x, 520 - tall, x + 26, 520), (70, 120, 220))
    draw.rectangle((680, 130, 880, 540), WHITE, LINE)
    for row in range(12):
        draw.text((690, 145 + 32 * row), name(rng)[:16], INK, font(14))
        draw.text((872, 145 + 32 * row), str(rng.integers(1, 999)), INK, font(14), anchor="ra")
    return page

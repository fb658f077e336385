"""Screens of one program with other content: chats, settings, mail, a news page, a player."""

from PIL import Image, ImageDraw

from tests.benchmarks.copies.edits.canvas import BLACK, WHITE, Picture, Rng, colour, font
from tests.benchmarks.copies.traps.words import name, sentence, words

WIDTH, HEIGHT = 400, 860
GRAY, LINE = (120, 120, 128), (215, 215, 220)


def _phone(back: tuple[int, int, int], title: str) -> tuple[Picture, ImageDraw.ImageDraw]:
    screen = Image.new("RGB", (WIDTH, HEIGHT), back)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, WIDTH, 84), (247, 247, 249) if sum(back) > 300 else (28, 28, 32))
    ink = BLACK if sum(back) > 300 else WHITE
    draw.text((24, 10), "9:41", ink, font(16))
    draw.rectangle((350, 14, 378, 26), outline=ink)
    draw.text((WIDTH / 2, 58), title, ink, font(20), anchor="mm")
    return screen, draw


def _wrapped(draw: ImageDraw.ImageDraw, text: str, width: float, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font(size)) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _chat(rng: Rng, back: tuple[int, int, int], mine: tuple[int, int, int], other: tuple[int, int, int]) -> Picture:
    screen, draw = _phone(back, name(rng))
    y = 100
    while y < HEIGHT - 120:
        own = bool(rng.random() < 0.5)
        lines = _wrapped(draw, sentence(rng, 3, 16), 230, 17)
        wide = max(draw.textlength(line, font(17)) for line in lines) + 26
        left = WIDTH - 12 - wide if own else 12
        tall = 22 * len(lines) + 16
        draw.rounded_rectangle((left, y, left + wide, y + tall), 14, mine if own else other)
        ink = BLACK if sum(mine if own else other) > 380 else WHITE
        for number, line in enumerate(lines):
            draw.text((left + 13, y + 7 + 22 * number), line, ink, font(17))
        y += tall + (8 if rng.random() < 0.6 else 22)
    draw.rectangle((0, HEIGHT - 70, WIDTH, HEIGHT), back)
    draw.rounded_rectangle((50, HEIGHT - 58, 350, HEIGHT - 20), 18, back, LINE)
    return screen


def blue_chat(rng: Rng) -> Picture:
    return _chat(rng, WHITE, (10, 132, 255), (229, 229, 234))


def green_chat(rng: Rng) -> Picture:
    return _chat(rng, (236, 229, 221), (220, 248, 198), WHITE)


def dark_chat(rng: Rng) -> Picture:
    return _chat(rng, (14, 22, 33), (43, 82, 120), (24, 37, 51))


def settings(rng: Rng) -> Picture:
    """Rows with a coloured square, a name and a switch: other rows, other switches."""
    screen, draw = _phone((242, 242, 247), "Settings")
    for row in range(13):
        y = 100 + 56 * row
        draw.rectangle((0, y, WIDTH, y + 55), WHITE)
        draw.rounded_rectangle((16, y + 12, 46, y + 42), 7, colour(rng, 40, 230))
        draw.text((62, y + 17), words(rng, int(rng.integers(1, 4))).capitalize(), BLACK, font(18))
        on = bool(rng.random() < 0.5)
        draw.rounded_rectangle((336, y + 14, 386, y + 42), 14, (52, 199, 89) if on else (225, 225, 230))
        draw.ellipse((360 if on else 338, y + 16, 384 if on else 362, y + 40), WHITE)
    return screen


def mail_list(rng: Rng) -> Picture:
    screen, draw = _phone(WHITE, "Inbox")
    for row in range(9):
        y = 96 + 84 * row
        draw.text((24, y), name(rng), BLACK, font(18))
        draw.text((376, y), f"{rng.integers(0, 24)}:{rng.integers(10, 60)}", GRAY, font(14), anchor="ra")
        draw.text((24, y + 25), words(rng, 5).capitalize(), (50, 50, 50), font(15))
        draw.text((24, y + 47), words(rng, 7)[:46], GRAY, font(15))
        draw.line((24, y + 76, WIDTH, y + 76), LINE)
    return screen


def contacts(rng: Rng) -> Picture:
    screen, draw = _phone((18, 18, 20), "Contacts")
    for row in range(12):
        y = 96 + 62 * row
        paint = colour(rng, 60, 200)
        draw.ellipse((18, y, 64, y + 46), paint)
        person = name(rng)
        draw.text((41, y + 23), person[0], WHITE, font(22), anchor="mm")
        draw.text((82, y + 4), person, WHITE, font(18))
        draw.text((82, y + 27), f"0{rng.integers(100, 999)} {rng.integers(100000, 9999999)}", GRAY, font(14))
    return screen


def news_page(rng: Rng) -> Picture:
    """A web page in a browser: the same bars, other headlines and pictures of flat colours."""
    screen = Image.new("RGB", (960, 640), WHITE)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 960, 44), (222, 225, 230))
    draw.rounded_rectangle((120, 8, 840, 36), 14, WHITE)
    draw.text((140, 13), f"news.example/{words(rng, 1)}/{rng.integers(1000, 9999)}", GRAY, font(15))
    draw.text((30, 56), "The Daily Example", BLACK, font(34))
    draw.line((30, 104, 930, 104), BLACK, 2)
    for number in range(6):
        x, y = 30 + 305 * (number % 3), 120 + 265 * (number // 3)
        draw.rectangle((x, y, x + 285, y + 130), colour(rng, 90, 220))
        for line, text in enumerate(_wrapped(draw, sentence(rng, 6, 11), 280, 20)[:2]):
            draw.text((x, y + 138 + 25 * line), text, BLACK, font(20))
        for line, text in enumerate(_wrapped(draw, sentence(rng, 14, 22), 285, 13)[:3]):
            draw.text((x, y + 194 + 18 * line), text, GRAY, font(13))
    return screen


def player(rng: Rng) -> Picture:
    """A music player: other cover, title and position."""
    screen, draw = _phone((24, 24, 28), "Now playing")
    low, high = colour(rng, 0, 130), colour(rng, 130)
    for row in range(320):
        mix = row / 320
        paint = tuple(round(a * (1 - mix) + b * mix) for a, b in zip(low, high, strict=True))
        draw.line((40, 120 + row, 360, 120 + row), paint)
    draw.text((200, 280), words(rng, 1).upper(), WHITE, font(48), anchor="mm")
    draw.text((40, 480), words(rng, 3).title(), WHITE, font(26))
    draw.text((40, 520), name(rng), GRAY, font(18))
    draw.line((40, 580, 360, 580), GRAY, 4)
    at = 40 + int(rng.integers(0, 320))
    draw.ellipse((at - 8, 572, at + 8, 588), WHITE)
    for number in range(3):
        x = 110 + 90 * number
        draw.ellipse((x - 30, 650, x + 30, 710), outline=WHITE, width=3)
    return screen

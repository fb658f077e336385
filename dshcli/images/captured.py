"""What a camera wrote into a file: a copy that was saved again by a program that drops it has it no more."""

from dshcli.images.opening import MAX_PIXELS, guarded, opened

_MAKE, _MODEL = 0x010F, 0x0110  # EXIF tags of the camera; programs that edit pictures set neither
_INNER, _TAKEN = 0x8769, 0x9003  # the camera's own part of the tags, and in it the time at which the shutter opened


def captured(data: bytes, max_pixels: int = MAX_PIXELS) -> str:
    """When an image file's picture was taken ("2014-05-01 12:30:00") or, where that is not told, by which camera; "" if
    it tells neither. The picture is not decoded. Raises BadImage and TryAgain as open_image does."""
    return guarded(data, lambda name: _captured(data, name, max_pixels))


def _captured(data: bytes, name: str, max_pixels: int) -> str:
    with opened(data, name, max_pixels) as image:
        tags = image.getexif()
        taken = _text(tags.get_ifd(_INNER).get(_TAKEN))
        if any(letter in "123456789" for letter in taken):  # cameras whose clock was never set write zeros or blanks
            day, _, time = taken.partition(" ")
            return f"{day.replace(':', '-')} {time}".rstrip()
        return " ".join(filter(None, (_text(tags.get(_MAKE)), _text(tags.get(_MODEL)))))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return " ".join(value.replace("\0", " ").split()) if isinstance(value, str) else ""

"""`dsh query`: the images of an index whose codes are nearest to an image's, indexed or not."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dshcli.codes import Codes
from dshcli.commands.choosing import chance_warning, choose_indexed, choose_radius, encoder_of
from dshcli.errors import BadImage, UsageError
from dshcli.hasher.devices import CPU, ensure_device
from dshcli.hasher.encoder import AnyEncoder
from dshcli.images.opening import MAX_PIXELS, open_image
from dshcli.library.chunks import IndexedCodes, load_codes
from dshcli.library.store import Image, Index, IndexedModel
from dshcli.search.neighbours import Hits, nearest, neighbours_within


@dataclass(frozen=True)
class QueryOptions:
    """radius None: the model's own, or none at all where `count` (at most so many neighbours) is given alone."""

    model: str | None = None
    radius: int | None = None
    count: int | None = None
    max_pixels: int = MAX_PIXELS
    device: str = CPU


@dataclass(frozen=True)
class Neighbour:
    """An indexed image, and the Hamming distance of its code from the query's, in bits."""

    image: Image
    distance: int


@dataclass(frozen=True)
class Answer:
    """The neighbours of one query, nearest first, then by path; or the reason why it could not be read."""

    query: str
    neighbours: tuple[Neighbour, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Answers:
    """One answer for each query, made when it is its turn. `radius` is None if only the count limits them."""

    model: IndexedModel
    radius: int | None
    images: int
    warning: str
    answers: Iterator[Answer]


def find_neighbours(index: Index, queries: Iterable[str], options: QueryOptions) -> Answers:
    """Compares images with those of an index. Raises NoIndex, NoModel, UsageError, DshError."""
    ensure_device(options.device)
    model = choose_indexed(index, options.model)
    if options.count is not None and options.count < 1:
        raise UsageError(f"-k must be at least 1, not {options.count}", hint="Leave it out for all within the radius.")
    by_count_only = options.radius is None and options.count is not None
    radius = None if by_count_only else choose_radius(options.radius, model)
    search = _Search(index, model, load_codes(index, model), radius, options)
    warning = "" if radius is None else chance_warning(len(search.indexed.ids), model.bits, radius)
    return Answers(model, radius, len(search.indexed.ids), warning, map(search.answer, queries))


@dataclass
class _Search:
    index: Index
    model: IndexedModel
    indexed: IndexedCodes
    radius: int | None
    options: QueryOptions

    @cached_property
    def encoder(self) -> AnyEncoder:
        """Loaded only if an image is not in the index yet."""
        return encoder_of(self.model, self.options.device)

    def answer(self, query: str) -> Answer:
        path = os.path.abspath(query)
        try:
            code = self._code(path)
        except BadImage as error:
            return Answer(query, problem=str(error))
        hits = self._hits(code)
        ids = self.indexed.ids[hits.positions].tolist()
        rows = self.index.images(ids)
        found = [
            Neighbour(rows[id], distance)
            for id, distance in zip(ids, hits.distances.tolist(), strict=True)
            if id in rows and rows[id].path != path
        ]
        found.sort(key=lambda neighbour: (neighbour.distance, os.fsencode(neighbour.image.path)))
        return Answer(query, tuple(found[: self.options.count]))

    def _code(self, path: str) -> Codes:
        """The code of the file as it is now: from the index if that is up to date, else from its pixels."""
        image = self.index.image(path)
        if image is not None and _unchanged(image):
            code = self.index.code(image.id, self.model.key)
            if code is not None:
                return np.frombuffer(code, np.uint8)
        picture = open_image(path, self.encoder.spec, self.options.max_pixels)
        (code_of_pixels,) = self.encoder.encode(picture.pixels[None])
        return np.asarray(code_of_pixels, np.uint8)

    def _hits(self, code: Codes) -> Hits:
        if self.radius is not None:
            return neighbours_within(code, self.indexed.codes, self.radius)
        assert self.options.count is not None
        return nearest(code, self.indexed.codes, self.options.count + 1)  # one more: the query itself may be among them


def _unchanged(image: Image) -> bool:
    try:
        file = os.stat(image.path)
    except OSError:
        return False
    return (file.st_size, file.st_mtime_ns) == (image.size, image.mtime_ns)

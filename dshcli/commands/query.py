"""`dsh query`: the images of an index whose codes are nearest to an image's, indexed or not."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice

import numpy as np

from dshcli.codes import Codes
from dshcli.commands.choosing import chance_warning, choose_indexed, choose_radius, encoder_of, maybe_config
from dshcli.errors import BadImage, UsageError
from dshcli.hasher.devices import CPU, ensure_device
from dshcli.hasher.encoder import AnyEncoder
from dshcli.hasher.waves import FAR, Turns
from dshcli.images.opening import MAX_PIXELS, open_image
from dshcli.library.chunks import IndexedCodes, load_codes
from dshcli.library.store import Image, Index, IndexedModel
from dshcli.machine import cores, in_threads
from dshcli.search.neighbours import Hits, first_of_all, nearest, neighbours_of_each

MOST_QUERIES = 1024  # answered together


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
    """An indexed image, and the distance of its code from the query's, in bits; beyond the radius see waves.Turns."""

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
    """One answer for each query, made when its batch has its turn. `radius` is None if only the count limits them."""

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
    return Answers(model, radius, len(search.indexed.ids), warning, search.answers(queries))


@dataclass
class _Search:
    index: Index
    model: IndexedModel
    indexed: IndexedCodes
    radius: int | None
    options: QueryOptions

    @cached_property
    def turns(self) -> Turns | None:
        config = maybe_config(self.model, self.options.model)
        return None if config is None else config.turns

    @cached_property
    def waves(self) -> Codes:
        """What the indexed codes tell of turns."""
        assert self.turns is not None
        return self.turns.upright(self.indexed.codes)

    @cached_property
    def encoder(self) -> AnyEncoder:
        """Loaded only if an image is not in the index yet."""
        return encoder_of(self.model, self.options.device, self.options.model)

    def answers(self, queries: Iterable[str]) -> Iterator[Answer]:
        """An answer for each query, in order; a batch of them searches together, which is much sooner."""
        for batch in _batches(queries):
            paths = [os.path.abspath(query) for query in batch]
            codes = self._codes(paths)
            hits = self._hits([code for code in codes if not isinstance(code, BadImage)])
            for query, path, code in zip(batch, paths, codes, strict=True):
                if isinstance(code, BadImage):
                    yield Answer(query, problem=str(code))
                else:
                    yield Answer(query, self._neighbours(path, next(hits)))

    def _neighbours(self, path: str, hits: Hits) -> tuple[Neighbour, ...]:
        ids = self.indexed.ids[hits.positions].tolist()
        rows = self.index.images(ids)
        found = [
            Neighbour(rows[id], distance)
            for id, distance in zip(ids, hits.distances.tolist(), strict=True)
            if id in rows and rows[id].path != path
        ]
        found.sort(key=lambda neighbour: (neighbour.distance, os.fsencode(neighbour.image.path)))
        return tuple(found[: self.options.count])

    def _codes(self, paths: list[str]) -> list[Codes | BadImage]:
        """The code of each file as it is now: from the index if that is up to date, else from its pixels."""
        known = {path: self._known_code(path) for path in paths}
        unknown = [path for path, code in known.items() if code is None]
        hashed = dict(zip(unknown, self._hash_all(unknown), strict=True))
        return [hashed[path] if (code := known[path]) is None else code for path in paths]

    def _known_code(self, path: str) -> Codes | None:
        image = self.index.image(path)
        code = self.index.code(image.id, self.model.key) if image is not None and _unchanged(image) else None
        return None if code is None else np.frombuffer(code, np.uint8)

    def _hash_all(self, paths: list[str]) -> list[Codes | BadImage]:
        if not paths:
            return []
        hash_one = partial(_hash, self.encoder, self.options.max_pixels)
        return list(in_threads(hash_one, paths, min(cores(), len(paths))))

    def _hits(self, codes: list[Codes]) -> Iterator[Hits]:
        """The hits of each code, and those whose waves are near in any orientation."""
        if not codes:
            return iter(())
        by_all_bits = self._near(np.stack(codes), self.indexed.codes, self.model.bits, self.radius)
        if self.turns is None:
            return by_all_bits
        by_waves = map(self._by_waves, self.turns.orientations(np.stack(codes)))
        trusted = self.model.radius if self.radius is None else self.radius
        return (first_of_all(hits, trusted) for hits in zip(by_all_bits, *by_waves, strict=True))

    def _by_waves(self, waves: Codes) -> Iterator[Hits]:
        assert self.turns is not None
        radius = None if self.radius is None else self.turns.within(self.radius)
        for hits in self._near(waves, self.waves, self.turns.width, radius):
            near = hits.distances <= FAR
            yield Hits(hits.positions[near], hits.distances[near] * self.turns.scale)

    def _near(self, codes: Codes, among: Codes, bits: int, radius: int | None) -> Iterator[Hits]:
        """Those within the radius or, without one, the nearest ones."""
        if radius is not None:
            return neighbours_of_each(codes, among, bits, radius)
        assert self.options.count is not None
        wanted = self.options.count + 1  # one more: the query itself may be among them
        return (nearest(code, among, wanted) for code in codes)


def _batches(queries: Iterable[str]) -> Iterator[list[str]]:
    """Queries to be answered together: one at first, so that its answer comes at once, then more and more."""
    left, size = iter(queries), 1
    while batch := list(islice(left, size)):
        yield batch
        size = min(size * 4, MOST_QUERIES)


def _hash(encoder: AnyEncoder, max_pixels: int, path: str) -> Codes | BadImage:
    """The code of a file's pixels, or why it has none."""
    try:
        picture = open_image(path, encoder.spec, max_pixels)
    except BadImage as error:
        return error
    (code,) = encoder.encode(picture.pixels[None])
    return np.asarray(code, np.uint8)


def _unchanged(image: Image) -> bool:
    try:
        file = os.stat(image.path)
    except OSError:
        return False
    return (file.st_size, file.st_mtime_ns) == (image.size, image.mtime_ns)

"""Traits of many contents, in threads: what the index knows is asked first, and what is new is kept in it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dshcli.errors import BadImage
from dshcli.images.reading import read_image_file
from dshcli.images.room import Room, Take
from dshcli.library.store import Index
from dshcli.library.traits import known_traits, saving_traits
from dshcli.machine import a_little_ahead, cores
from dshcli.progress import Reporter
from dshcli.proof.traits import Trait, Value


@dataclass(frozen=True)
class Measuring:
    """How files are read for their traits. jobs: threads (0: one a core); max_pixels: of a picture to decode."""

    index: Index
    jobs: int
    max_pixels: int
    reporter: Reporter

    def values(self, traits: Sequence[Trait], digests: Iterable[bytes]) -> list[dict[bytes, Value]]:
        """Of each trait the values by digest, without those contents that cannot be read now. Raises DshError."""
        wanted = sorted(set(digests))
        found = [known_traits(self.index, trait.name, trait.version, wanted) for trait in traits]
        missing = [digest for digest in wanted if any(digest not in values for values in found)]
        if not missing:
            return found
        failed = 0
        task = self.reporter.task("measuring", total=len(missing), unit="picture")
        with task, saving_traits(self.index, self.reporter.say) as saving:
            for digest, values in self._told(traits, missing):
                for trait, value, known in zip(traits, values, found, strict=True):
                    if value is not None and digest not in known:
                        known[digest] = value
                        saving.add(digest, trait.name, trait.version, value)
                failed += None in values
                task.advance()
        if failed:
            self.reporter.say(f"Pictures that could not be read, so that they are kept last: {failed:,}")
        return found

    def _told(self, traits: Sequence[Trait], digests: list[bytes]) -> Iterator[tuple[bytes, list[Value | None]]]:
        room = Room()

        def told(work: tuple[bytes, list[str]]) -> tuple[bytes, list[Value | None]]:
            return work[0], self._of_content(traits, *work, room)

        jobs = self.jobs or cores()
        contents = ((digest, self.index.paths_of(digest)) for digest in digests)
        yield from a_little_ahead(told, contents, jobs, 2 * jobs)

    def _of_content(self, traits: Sequence[Trait], digest: bytes, paths: list[str], room: Room) -> list[Value | None]:
        """By the first file that can be read and still holds the content."""
        for path in paths:
            try:
                file = read_image_file(path)
            except BadImage:
                continue
            if file is not None and file.digest == digest:
                held, take = room.for_file(file.size)
                with held:
                    return [self._of_file(trait, file.data, take) for trait in traits]
        return [None] * len(traits)

    def _of_file(self, trait: Trait, data: bytes, take: Take) -> Value | None:
        try:
            return trait.told(data, self.max_pixels, take)
        except BadImage:
            return None

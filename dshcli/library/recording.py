"""The writer's side of indexing: contents to rows, one transaction a batch, and the counts for the ledger."""

import sqlite3

from dshcli.images.walk import Found
from dshcli.library.chunks import pack_chunks
from dshcli.library.connection import checkpoint
from dshcli.library.proofs import drop_orphans
from dshcli.library.store import Content, Index, Known, path_key
from dshcli.library.traits import drop_orphan_traits
from dshcli.library.workers import Batch


class Recorder:
    """One run's bookkeeping: decides which files need reading, writes what was read, counts.

    known: every image of the index under the run's folders, by path; vanished: those of them whose file is gone.
    """

    def __init__(self, index: Index, model: int, known: dict[str, Known], vanished: set[str]) -> None:
        self.index, self.model, self.known, self.vanished = index, model, known, vanished
        self.hashed = self.unchanged = self.moved = self.removed = self.others = 0
        self.decode_seconds = self.network_seconds = 0.0
        self.skipped: list[tuple[str, str]] = []
        self._vanished_by_digest: dict[bytes, list[str]] = {}
        for path in sorted(vanished, reverse=True):
            digest = known[path].digest
            if digest is not None:
                self._vanished_by_digest.setdefault(digest, []).append(path)

    def settles(self, found: Found, *, retry: bool) -> bool:
        """Whether a file need not be opened: its size and time are those of a run that finished with it."""
        row = self.known.get(found.path)
        if row is None or (row.size, row.mtime_ns) != (found.size, found.mtime_ns) or not row.complete:
            return False
        if row.error is None:
            self.unchanged += 1
        elif retry:
            return False
        else:
            self.skipped.append((found.path, row.error))
        return True

    def save(self, batch: Batch) -> None:
        """Writes a batch in one transaction."""
        self.decode_seconds += batch.decode_seconds
        self.network_seconds += batch.network_seconds
        with self.index.write() as db:
            for outcome in batch.outcomes:
                if outcome.content is not None:
                    self._save_content(db, outcome.found, outcome.content)
                elif outcome.reason:
                    self.skipped.append((outcome.found.path, outcome.reason))
                    if outcome.lasting:
                        self._save_error(db, outcome.found, outcome.reason)
                else:
                    self.others += 1

    def _save_content(self, db: sqlite3.Connection, found: Found, content: Content) -> None:
        row = self.known.get(found.path)
        if row is None and self._take_over_moved(db, found, content.digest):
            self.moved += 1
        elif row is not None and row.digest == content.digest and row.complete:
            self.unchanged += 1  # only its time was touched
        else:
            self.hashed += 1
        facts = (content.digest, content.width, content.height, content.format, None, content.information)
        image = _upsert(db, found, *facts)
        if row is not None and row.digest != content.digest:
            db.execute("DELETE FROM codes WHERE image = ?", [image])  # those of other models describe the old content
        db.execute("INSERT OR REPLACE INTO codes VALUES (?, ?, ?)", [self.model, image, content.code])

    def _take_over_moved(self, db: sqlite3.Connection, found: Found, digest: bytes) -> bool:
        """Gives the row of a vanished file with the same content its new path, if there is one."""
        if not self._vanished_by_digest.get(digest):
            return False
        old = self._vanished_by_digest[digest].pop()
        # Another process may have given the new path a row of its own by now; the old one is then merely missing.
        moved = db.execute("UPDATE OR IGNORE images SET path = ? WHERE path = ?", [path_key(found.path), path_key(old)])
        if moved.rowcount == 0:
            return False
        self.vanished.discard(old)
        return True

    def _save_error(self, db: sqlite3.Connection, found: Found, reason: str) -> None:
        image = _upsert(db, found, None, None, None, None, reason, None)
        db.execute("DELETE FROM codes WHERE image = ?", [image])

    def finish(self, *, prune: bool) -> None:
        """Drops vanished images if asked to, and packs the codes for fast loading."""
        if prune and self.vanished:
            with self.index.write() as db:
                db.executemany("DELETE FROM images WHERE path = ?", [[path_key(path)] for path in self.vanished])
                drop_orphans(db)
                drop_orphan_traits(db)
            self.removed = len(self.vanished)
            self.vanished.clear()
        pack_chunks(self.index)
        checkpoint(self.index.connection)


def _upsert(db: sqlite3.Connection, found: Found, *facts: object) -> int:
    """The id of the row of `found.path`, made or brought up to date; facts: the columns from digest to information.

    A model that looks at few pixels finds less in a picture than others do: the most that was found in a content stays.
    """
    sql = """
        INSERT INTO images (path, size, mtime_ns, digest, width, height, format, error, information)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, digest = excluded.digest,
            width = excluded.width, height = excluded.height, format = excluded.format, error = excluded.error,
            information = CASE
                WHEN digest = excluded.digest AND information > coalesce(excluded.information, 0) THEN information
                ELSE excluded.information
            END
        RETURNING id
    """
    values = [path_key(found.path), found.size, found.mtime_ns, *facts]
    (image,) = db.execute(sql, values).fetchone()
    return int(image)

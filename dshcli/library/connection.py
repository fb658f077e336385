"""Opens the index file, for reading or for writing, and says what is wrong with it in the user's words.

Reading never creates, migrates or changes anything. Writing creates the file, in WAL mode, and migrates it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from dshcli.errors import DshError, NoIndex, system_reason

MIGRATION_SET = "dsh"
SCHEMA = (
    "m001_images_and_codes",
    "m002_proofs_and_information",
    "m003_removals",
    "m004_decisions",
    "m005_traits",
    "m006_sidecars",
)  # every migration, oldest first; schema.py has the same names
APPLICATION_ID = 0x64736831  # "dsh1": tells our files from other programs' databases
BUSY_SECONDS = 30.0


def open_for_reading(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """A read-only connection. Raises NoIndex if there is no file, DshError if this version cannot read it."""
    if not path.exists():
        raise NoIndex(f"{path}: there is no index yet", hint="Make one: dsh index FOLDER")
    _ensure_no_folder(path)
    with translated(path):
        connection = _read_only(path, check_same_thread)
        with _closed_on_error(connection):
            applied = _applied(connection, path)
            if applied is None:
                raise NoIndex(f"{path} holds nothing yet", hint="Fill it: dsh index FOLDER")
            if applied != SCHEMA:
                raise DshError(
                    f"{path} was made by an older version of dsh",
                    hint="Bring it up to date: dsh index FOLDER",
                )
    return connection


def _ensure_no_folder(path: Path) -> None:
    if path.is_dir():
        raise DshError(f"{path} is a folder, not an index file", hint=f"Name a file in it: --db {path / 'index.db'}")


def _read_only(path: Path, check_same_thread: bool) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=check_same_thread
    )
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        connection.close()
        # In a folder that cannot be written, WAL's side files cannot be made. If there are none, no one is writing.
        if error.sqlite_errorname not in (
            "SQLITE_CANTOPEN",
            "SQLITE_READONLY_DIRECTORY",
            "SQLITE_READONLY_CANTINIT",
        ):
            raise
        if path.with_name(path.name + "-wal").exists() or not os.access(path, os.R_OK):
            raise
        return sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
    return connection


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection to the index, created and migrated as needed. Raises DshError if that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DshError(
            f"{path.parent}: {system_reason(error)}",
            hint="Choose another place with --db FILE.",
        ) from error
    _ensure_no_folder(path)
    with translated(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        with _closed_on_error(connection):
            if _applied(connection, path) != SCHEMA:
                _migrate(connection)
            connection.execute("PRAGMA synchronous = NORMAL")  # safe with WAL: a power cut loses the last commits only
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables up to date. The write lock comes first: without it, processes race and fail."""
    from sqlite_utils import Database

    from dshcli.library.schema import migrations

    _use_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Database(connection))
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turns on the write-ahead log, which the file remembers.

    SQLite does not wait for this: where another process turns it on at the same moment, both hold a read lock that the
    other must give up, so that it says at once that the file is busy. Trying again is safe.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _applied(connection: sqlite3.Connection, path: Path) -> tuple[str, ...] | None:
    """The migrations that a file has seen, oldest first; None if it is empty. Raises DshError if it is not ours."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID or "_sqlite_migrations" not in tables:
        raise DshError(f"{path} is an SQLite database of another program", hint="Choose another file with --db FILE.")
    rows = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY id", [MIGRATION_SET]
    )
    applied = tuple(name for (name,) in rows)
    if not set(applied) <= set(SCHEMA):
        raise DshError(
            f"{path} was made by a newer version of dsh",
            hint="Update dsh (pip install --upgrade dshcli), or choose another file with --db FILE.",
        )
    return applied


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours, with the file's name and a next step; the cause is kept."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        for prefix, message, hint in _WORDS:
            if name.startswith(prefix):
                raise DshError(f"{path}: {message}", hint=hint) from error
        raise DshError(f"{path}: {error}", hint="Check the file with: sqlite3 FILE 'PRAGMA integrity_check'") from error


_WORDS = (
    ("SQLITE_NOTADB", "not an index: this file is no SQLite database", "Choose another file with --db FILE."),
    (
        "SQLITE_CORRUPT",
        "the index is damaged",
        "Move it away and run dsh index again: everything in it can be made anew from the images.",
    ),
    (
        "SQLITE_FULL",
        "the disk is full; what was saved before is kept",
        "Free some space and run the same command again: it goes on from there.",
    ),
    (
        "SQLITE_IOERR",
        "the disk did not take or give the data",
        "See whether the disk is full or failing, then run the same command again: it goes on from there.",
    ),
    (
        "SQLITE_READONLY",
        "the index cannot be written",
        "Make it writable, or choose another file with --db FILE.",
    ),
    ("SQLITE_CANTOPEN", "the index cannot be opened", "Check its folder's permissions, or choose --db FILE."),
    (
        "SQLITE_BUSY",
        f"another process held the index for {BUSY_SECONDS:.0f} s",
        "Wait until it is done, then again.",
    ),
    ("SQLITE_LOCKED", "another process holds the index", "Wait until it is done, then again."),
    ("SQLITE_PERM", "no permission to open the index", "Check its permissions, or choose --db FILE."),
)


def checkpoint(connection: sqlite3.Connection) -> None:
    """Moves the write-ahead log into the file, if no reader is in the way; later is as good."""
    with (
        suppress(sqlite3.OperationalError),
        closing(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as rows,
    ):
        rows.fetchall()

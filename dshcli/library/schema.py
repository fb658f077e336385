"""The index's tables, as append-only numbered migrations. Only creating and writing import this module.

    models       key, model_id, name, bits, radius             whose codes are in here
    images       id, path, size, mtime_ns, digest, width, height, format, error, information
    codes        (model, image) -> code                        packed bytes: a code >= 2^63 overflows INTEGER
    code_chunks  (model, chunk) -> offsets, codes              derived: the codes of ids chunk*65536 .. +65535, packed
    proofs       (digest_a, digest_b) -> version, kind, detail, changed, inliers    what two contents are to each other
    removal_runs   run, started, plan, plan_digest, way, folder                     one a plan and way (removals.py)
    removal_steps  (run, step) -> state, group, the kept and the removed file, target, mode, mtime_ns
    removal_sidecars  (run, step) -> path, before, mode, mtime_ns, digest    what a step wrote beside the kept file
    decisions      (digest_a, digest_b) -> verdict, files, decided    what people say of two contents (decisions.py)
    chosen_keepers  digest -> decided                          contents that people want kept before others

A path is TEXT where it is valid UTF-8 and BLOB where it is not. An image with `error` has neither digest nor code;
`information` (0 to 1) is NULL where an older version hashed it. Of a pair, digest_a is the lesser of the two.
Triggers keep code_chunks true: whatever touches a code empties its chunk in the same transaction, and readers fall
back to the rows of an empty chunk. So a stop at any moment leaves nothing to repair.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from dshcli.library.connection import MIGRATION_SET

migrations = Migrations(MIGRATION_SET)


@migrations()
def m001_images_and_codes(db: Database) -> None:
    for statement in (
        """
        CREATE TABLE models (
            key INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
            bits INTEGER NOT NULL, radius INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE images (
            id INTEGER PRIMARY KEY, path NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
            digest BLOB, width INTEGER, height INTEGER, format TEXT, error TEXT
        )
        """,
        "CREATE INDEX images_by_digest ON images (digest)",
        """
        CREATE TABLE codes (
            model INTEGER NOT NULL, image INTEGER NOT NULL, code BLOB NOT NULL, PRIMARY KEY (model, image)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE code_chunks (
            model INTEGER NOT NULL, chunk INTEGER NOT NULL, offsets BLOB, codes BLOB, PRIMARY KEY (model, chunk)
        )
        """,
        """
        CREATE TRIGGER image_gone AFTER DELETE ON images BEGIN
            DELETE FROM codes WHERE image = OLD.id;
        END
        """,
        _chunk_trigger("INSERT", "NEW"),
        _chunk_trigger("UPDATE", "NEW"),
        _chunk_trigger("DELETE", "OLD"),
        "CREATE INDEX codes_by_image ON codes (image)",
    ):
        db.execute(statement)


@migrations()
def m002_proofs_and_information(db: Database) -> None:
    db.execute("ALTER TABLE images ADD COLUMN information REAL")
    db.execute(
        """
        CREATE TABLE proofs (
            digest_a BLOB NOT NULL, digest_b BLOB NOT NULL, version INTEGER NOT NULL, kind TEXT NOT NULL,
            detail TEXT NOT NULL, changed REAL NOT NULL, inliers INTEGER NOT NULL,
            PRIMARY KEY (digest_a, digest_b), CHECK (digest_a < digest_b)
        ) WITHOUT ROWID
        """
    )


@migrations()
def m003_removals(db: Database) -> None:
    for statement in (
        """
        CREATE TABLE removal_runs (
            run INTEGER PRIMARY KEY, started TEXT NOT NULL, plan NOT NULL, plan_digest BLOB NOT NULL,
            way TEXT NOT NULL, folder NOT NULL
        )
        """,
        """
        CREATE TABLE removal_steps (
            run INTEGER NOT NULL, step INTEGER NOT NULL, state TEXT NOT NULL, "group" INTEGER NOT NULL,
            keep_path NOT NULL, keep_digest BLOB NOT NULL, keep_size INTEGER NOT NULL,
            path NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
            target NOT NULL, mode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, PRIMARY KEY (run, step)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX open_removal_steps ON removal_steps (run, step) WHERE state IN ('begun', 'undoing')",
    ):
        db.execute(statement)


@migrations()
def m004_decisions(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE decisions (
            digest_a BLOB NOT NULL, digest_b BLOB NOT NULL, verdict TEXT NOT NULL, files INTEGER NOT NULL,
            decided TEXT NOT NULL, PRIMARY KEY (digest_a, digest_b), CHECK (digest_a <= digest_b)
        ) WITHOUT ROWID
        """
    )
    db.execute("CREATE TABLE chosen_keepers (digest BLOB PRIMARY KEY, decided TEXT NOT NULL) WITHOUT ROWID")


@migrations()
def m006_sidecars(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE removal_sidecars (
            run INTEGER NOT NULL, step INTEGER NOT NULL, path NOT NULL, before BLOB, mode INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (run, step)
        )
        """
    )


def _chunk_trigger(event: str, row: str) -> str:
    return f"""
        CREATE TRIGGER code_{event.lower()} AFTER {event} ON codes BEGIN
            INSERT INTO code_chunks (model, chunk) VALUES ({row}.model, {row}.image >> 16)
            ON CONFLICT DO UPDATE SET offsets = NULL, codes = NULL WHERE codes IS NOT NULL;
        END
    """

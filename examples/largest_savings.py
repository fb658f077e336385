"""Indexes a folder into a file of its own and lists what could go, largest saving first. Changes no picture.

python examples/largest_savings.py FOLDER
"""

import sys
import tempfile
from pathlib import Path

import dshcli

folder = sys.argv[1]
with tempfile.TemporaryDirectory() as scratch:
    database = Path(scratch) / "index.db"
    encoder = dshcli.Encoder(dshcli.find_model("photo"))
    ledger = dshcli.index_folder(database, [folder], encoder, dshcli.IndexOptions(), dshcli.Terminal())
    print(f"{ledger.hashed} pictures hashed, {len(ledger.skipped)} skipped")
    with dshcli.Index.open(database) as index:
        for group in dshcli.find_dupes(index, dshcli.DupesOptions()).groups:
            print(f"{group.frees:>12,} bytes: keep {group.keeper.path} ({group.why})")
            for member in group.members:
                print(f"{'':>12}        drop {member.image.path} ({member.kind}, {member.distance} bits away)")

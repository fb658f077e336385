"""The frame of a page: one file that asks for nothing from outside."""

import os
from pathlib import Path

from dshcli.errors import DshError
from dshcli.show.page.text import words

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c1c1e; --faint: #6b6b70; --rule: #dcdce0; --box: #f6f6f8;
  --one: #0072b2; --two: #d55e00; --good: #00734f; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #151517; --ink: #ececf0; --faint: #a2a2aa; --rule: #38383e;
  --box: #1e1e22; --one: #56b4e9; --two: #f0904c; --good: #4cc79b; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 6px; }
p { margin: 4px 0 12px; color: var(--faint); max-width: 72ch; }
section { break-inside: avoid; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 16px; }
figure { margin: 0; min-width: 0; }
svg { display: block; width: 100%; height: auto; }
.chart svg { max-width: 560px; }
svg text { fill: var(--faint); font: 11px system-ui, sans-serif; }
svg .x, svg .n { text-anchor: middle; } svg .y { text-anchor: end; } svg .n { fill: var(--ink); }
.axis { fill: none; stroke: var(--faint); } .grid { stroke: var(--rule); }
.level { stroke: var(--faint); stroke-dasharray: 4 4; }
.line { fill: none; stroke-width: 2; } .line.one { stroke: var(--one); } .line.two { stroke: var(--two); }
.line.two { stroke-dasharray: 7 3; }
.dot.one, .area.one { fill: var(--one); } .dot.two, .area.two { fill: var(--two); } .area { fill-opacity: .55; }
.cell { fill: var(--one); } .map { max-width: 560px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--faint); padding: 4px 0; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
.key.one { background: var(--one); } .key.two { background: var(--two); }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 8px; background: var(--box); }
table { border-collapse: collapse; width: 100%; min-width: 480px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; white-space: nowrap; } tr:last-child > * { border-bottom: 0; } td.number { text-align: right; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.cells { image-rendering: pixelated; width: 100%; max-width: 420px; border: 1px solid var(--rule); display: block; }
.shown { display: block; max-width: 100%; max-height: 480px; margin: 0 auto 12px; }
.failure { display: flex; flex-wrap: wrap; gap: 8px; padding: 10px; border-top: 1px solid var(--rule); }
.failure figure { width: 84px; font-size: 12px; line-height: 1.3; color: var(--faint); overflow-wrap: anywhere; }
.failure img { width: 72px; height: 72px; object-fit: contain; image-rendering: pixelated; background: var(--box);
  border: 3px solid var(--rule); border-radius: 6px; }
.failure .right img { border-color: var(--good); } .failure .wrong img { border: 3px dashed var(--bad); }
.right b { color: var(--good); } .wrong b { color: var(--bad); }
.query { margin-right: 12px !important; }
.sides { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 12px; }
.side { border: 1px solid var(--rule); border-radius: 8px; background: var(--box); padding: 10px; break-inside: avoid; }
.side h3 { font-size: 14px; margin: 0 0 8px; } .side div { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; }
.side figure { font-size: 12px; line-height: 1.3; color: var(--faint); overflow-wrap: anywhere; }
.side img { width: 100%; height: 200px; object-fit: contain; display: block; } .side b { color: var(--ink); }
.side.conflict h3, .side .wrong b { color: var(--bad); }
@media print { main { max-width: none; } .scroll { overflow: visible; } }
"""


def document(title: str, body: str) -> str:
    """A whole page; `body` is HTML, `title` is text."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{words(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def write(path: Path, html: str) -> int:
    """Puts the page in its place in one step; returns its bytes. Raises DshError if the disk refuses."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        temporary.write_text(html, encoding="utf-8")
        temporary.replace(path)
        return path.stat().st_size
    except OSError as error:
        temporary.unlink(missing_ok=True)
        reason = error.strerror or error
        raise DshError(f"{path}: {reason}", hint="Name a file in a folder that you can write.") from error

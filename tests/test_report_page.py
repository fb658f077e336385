"""The report of dupes: a page in one file, which a real browser shows, marks, filters and exports from."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import Page, chromium, report_photos
from conftest import draw
from typer.testing import Result

from dshcli.dedupe.plan import load_plan
from dshcli.hasher.models import Model
from dshcli.library.decisions import Decisions
from dshcli.library.store import Index

Dsh = Callable[..., Result]
OWNED = "window.owned=1"
HOSTILE = (
    f"<script>{OWNED}<".encode(),
    f'"><img src=x onerror={OWNED}>.png'.encode(),
    f"' onload='{OWNED}' &lt;.png".encode(),
    b"new\nline\ttab\x1b[31m.png",
    "abc\u202egnp.exe.png".encode(),
    b"caf\xe9.png",
    b"\xed\xb3\xa9 \\udce9.png",
    b"<!--.png",
)


@pytest.fixture
def photos(tmp_path: Path, dsh: Dsh, toy_model: Model) -> Path:
    return report_photos(tmp_path / "photos", dsh, toy_model)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, Path]]:
    folder = tmp_path_factory.mktemp("downloads")
    with chromium(folder) as driver:
        yield driver, folder


@pytest.fixture
def page(browser: tuple[object, Path]) -> Page:
    driver, folder = browser
    for path in folder.glob("*.jsonl"):
        path.unlink()
    return Page(driver, folder)


@pytest.fixture
def report(photos: Path, tmp_path: Path, dsh: Dsh) -> Path:
    path = tmp_path / "out.html"
    result = dsh("dupes", "-r", 4, "--report", path)
    assert f"Wrote {path}: open it in a browser" in result.stderr
    return path


def test_groups_are_shown_with_what_differs(page: Page, report: Path, photos: Path) -> None:
    page.open(report.as_uri())
    assert page.texts("h2:not(#help-title)") == ["Group 1", "Group 2", "Group 3"]
    assert len(page.texts(".card")) == 7 and len(page.texts(".card.keeper")) == 3
    shown = page.run(
        "return [...document.querySelectorAll('.card img')].filter((e) => e.complete && e.naturalWidth).length"
    )
    assert shown == 7
    small = next(text for text in page.texts(".card") if "small.png" in text)
    assert "96 × 64▼ 75 % smaller" in small and "similar" in small and "bit" in small
    taken = next(text for text in page.texts(".card") if "taken.jpg" in text)
    assert "2019-05-06 07:08" in taken and "JPEGother format" in taken
    assert any(text.startswith("Keeper") and "big.png" in text for text in page.texts(".card"))
    assert str(photos / "a") in page.texts(".folder")
    assert page.complaints() == []


def test_keys_mark_and_move(page: Page, report: Path) -> None:
    page.open(report.as_uri())
    order = page.texts(".card .name")
    groups = page.run("return [...document.querySelectorAll('.group')].map((g) => g.querySelectorAll('.card').length)")
    assert sorted(groups) == [2, 2, 3] and len(order) == 7
    page.keys("r")
    assert page.marks()[1] == "same" and page.text("#files") == "1 file"
    page.keys("z")
    assert not any(page.marks()) and page.text("#files") == "0 files"
    page.click("#advance")
    page.keys("k")
    assert page.marks()[1] == "keep both"
    page.keys("u")
    assert page.marks()[1] == ""
    page.keys("shift+R")
    marks = page.marks()
    assert marks[: groups[0]] == ["", *["same"] * (groups[0] - 1)] and not any(marks[groups[0] :])
    page.keys("j", "k", "p", "arrow_down")
    assert page.marks()[groups[0] + 1] == "keep both"
    page.keys("arrow_left")
    assert page.run("return document.activeElement.classList.contains('keeper')")
    page.keys("r")
    assert "This is the keeper" in page.text("#said") and page.marks()[groups[0]] == ""
    page.keys("?")
    assert page.run("return document.querySelector('#help').open")
    page.keys("r", "escape")
    assert not page.run("return document.querySelector('#help').open") and page.marks()[groups[0]] == ""


def test_marks_outlive_the_page(page: Page, report: Path) -> None:
    page.open(report.as_uri())
    page.keys("shift+R")
    marks = page.marks()
    page.browser.get("about:blank")
    page.open(report.as_uri())
    assert page.marks() == marks and any(marks)


def test_a_browser_that_keeps_nothing_says_so(page: Page, report: Path) -> None:
    refusing = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"
    script = page.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": refusing})
    try:
        page.open(report.as_uri())
        page.keys("shift+R")
        page.wait("return !document.querySelector('#unsaved').hidden")
        assert "Not saved: 1 change. This browser does not keep marks." in page.text("#unsaved-why")
        page.run("Storage.prototype.setItem = function (key, value) { this[key] = value; }")
        page.click("#retry")
        page.wait("return document.querySelector('#unsaved').hidden")
    finally:
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_what_cannot_be_marked_different(page: Page, report: Path) -> None:
    """Equal bytes are one picture; of the others of the group each may be another one."""
    page.open(report.as_uri())
    page.choose("[name=text]", "twin")
    page.click(".group button[data-verdict='keep both']")
    page.run("document.querySelector('.group .card:nth-child(3) .choose').click()")
    page.keys("shift+D")
    assert page.marks() == ["", "different", "keep both"]
    equal = page.run(
        "return [...document.querySelectorAll('.card')].filter((c) => c.querySelector('[data-kind=exact]'))"
        ".map((c) => c.querySelector('[data-verdict=different]').disabled)"
    )
    assert equal == [True]


def test_filters_and_order(page: Page, report: Path) -> None:
    page.open(report.as_uri())
    shown = "return [...document.querySelectorAll('.group .name')].map((e) => e.textContent)"
    page.fill("[name=text]", "TWIN")
    assert page.text("#found") == "1 of 3 groups" and "twin.png" in page.run(shown) and len(page.run(shown)) == 3
    page.click("#clear")
    assert page.text("#found") == "3 groups"
    page.choose("[name=kind]", "similar")
    assert page.text("#found") == "3 of 3 groups"
    page.fill("[name=distance]", "0")
    near = page.text("#found")
    page.fill("[name=distance]", "48")
    assert near != "" and page.text("#found") == "3 of 3 groups"
    page.fill("[name=bytes]", "1 GB")
    assert page.text("#found") == "0 of 3 groups" and page.text("#nothing") == "No group is like that."
    page.click("#clear")
    page.keys("shift+R")
    page.choose("[name=state]", "remove")
    assert page.text("#found") == "1 of 3 groups"
    page.choose("[name=state]", "undecided")
    assert page.text("#found") == "2 of 3 groups"
    page.choose("#mark-as", "keep both")
    page.choose("[name=state]", "marked")
    assert page.text("#found") == "3 of 3 groups" and page.text("#decided") == "4 of 4 copies decided"
    page.choose("[name=sort]", "images")
    assert (
        len(page.run(shown)) == 7
        and page.run("return document.querySelectorAll('.group')[0].querySelectorAll('.card').length") == 3
    )


def test_blink_shows_the_one_and_the_other(page: Page, report: Path) -> None:
    page.open(report.as_uri())
    page.keys("space")
    assert page.run("return document.querySelector('#viewer').open")
    panes = "[...document.querySelectorAll('#viewer .pane')]"
    visible = f"return {panes}.map((e) => getComputedStyle(e).visibility === 'visible')"
    assert page.run(visible) == [False, True]
    one = page.screen()
    page.keys("space")
    assert page.run(visible) == [True, False] and page.screen() != one
    places = "return [...document.querySelectorAll('#viewer .picture')].map((e) => e.getAttribute('style'))"
    page.keys("+", "+")
    assert len(set(page.run(places))) == 1
    page.keys("1")
    assert page.text(".percent") == "100 %"
    page.keys("s")
    assert page.run(visible) == [True, True]
    page.keys("x", "0", "r")
    assert "same" in page.marks()
    page.keys("escape")
    assert not page.run("return document.querySelector('#viewer').open") and page.complaints() == []


def test_the_plan_that_it_exports_is_followed(page: Page, report: Path, photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    page.open(report.as_uri())
    assert page.run("return document.querySelector('#export-plan').disabled")
    page.choose("#mark-as", "same")
    page.click("#export-plan")
    path = page.downloaded("plan.jsonl")
    dsh("dupes", "-r", 4, "--plan", tmp_path / "all.jsonl")
    ours, theirs = load_plan(tmp_path / "all.jsonl"), load_plan(path)
    assert theirs.header == ours.header and theirs.lines == ours.lines
    assert len(dsh("apply", path).stdout.splitlines()) >= 4
    dsh("apply", path, "--yes")
    left = {file.name for file in photos.rglob("*") if file.is_file()}
    assert left == {os.path.basename(line.keep.path) for line in ours.lines}
    dsh("undo")


def test_another_keeper(page: Page, report: Path, tmp_path: Path, dsh: Dsh) -> None:
    """The one that was kept takes over its mark, and a plan keeps the one that was chosen."""
    page.open(report.as_uri())
    page.fill("[name=text]", "small.png")
    page.keys("escape")
    at = page.texts(".card .name").index("small.png")
    page.keys("shift+R")
    page.run("document.querySelectorAll('.card')[arguments[0]].querySelector('.choose').click()", at)
    assert "small.png" in page.texts(".card.keeper")[0] and "your choice" in page.texts(".card.keeper")[0]
    assert page.marks() == ["", "same", "same"]
    page.click("#export-plan")
    page.click("#export-decisions")
    lines = load_plan(page.downloaded("plan.jsonl")).lines
    assert {os.path.basename(line.keep.path) for line in lines} == {"small.png"}
    assert {(os.path.basename(line.remove.path), line.kind) for line in lines} == {
        ("big.png", "similar"),
        ("twin.png", "exact"),
    }
    decided = [json.loads(line) for line in page.downloaded("decisions.jsonl").read_text().splitlines()]
    (keeper,) = [line for line in decided if "keeper" in line]
    assert keeper["keeper"] == lines[0].keep.digest.hex() and len(keeper["among"]) == 2
    pairs = {(line["one"], line["other"], line["verdict"]) for line in decided if "one" in line}
    assert pairs == {(lines[0].keep.digest.hex(), line.remove.digest.hex(), "same") for line in lines}


def test_hostile_names_do_nothing(page: Page, tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    folder = os.fsencode(tmp_path / "photos")
    data = draw(tmp_path / "photos" / "plain.png", 3).read_bytes()
    nested = os.path.join(folder, b"<", f"script><script>{OWNED}<".encode(), b"script>x.png")
    for path in (*(os.path.join(folder, name) for name in HOSTILE), nested):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + (b"" if path.endswith(b".png") else b".png"), "wb") as file:
            file.write(data)
    dsh("index", tmp_path / "photos", "-m", toy_model.folder)
    dsh("dupes", "-m", toy_model.folder, "--report", tmp_path / "out.html")
    assert b"</script><script>" + OWNED.encode() not in (tmp_path / "out.html").read_bytes()
    page.requests()
    page.open((tmp_path / "out.html").as_uri())
    page.keys("space", "space", "escape")
    page.choose("#mark-as", "same")
    assert page.run("return [window.owned, document.title]") == [None, "Duplicates"]
    text = "\n".join(page.texts(".name"))
    for name in (
        f"<script>{OWNED}<.png",
        r"new\nline\ttab\x1b[31m.png",
        r"abc\u202egnp.exe.png",
        r"caf\xe9.png",
        "<!--.png",
    ):
        assert name in text, name
    assert "\u202e" not in page.run("return document.body.innerText")
    assert f"</script><script>{OWNED}<" in "\n".join(page.texts(".folder"))
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []
    page.click("#export-plan")
    dsh("dupes", "-m", toy_model.folder, "--plan", tmp_path / "plan.jsonl")
    assert load_plan(page.downloaded("plan.jsonl")).lines == load_plan(tmp_path / "plan.jsonl").lines


def test_what_cannot_be_read_has_its_reason(page: Page, photos: Path, tmp_path: Path, dsh: Dsh, home: Path) -> None:
    (photos / "c" / "two.png").write_bytes((photos / "c" / "one.png").read_bytes())
    dsh("dupes", "-r", 4, "--report", tmp_path / "out.html")
    page.open((tmp_path / "out.html").as_uri())
    (missing,) = page.texts(".missing")
    assert missing == "No picturechanged since it was indexed"
    page.keys("space", "escape")
    assert page.complaints() == []


def test_nothing_found_is_an_empty_report(page: Page, photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    draw(photos / "alone" / "x.png", 77)
    dsh("index", photos)
    dsh("dupes", photos / "alone", "--report", tmp_path / "o.html")
    page.browser.get((tmp_path / "o.html").as_uri())
    page.wait("return document.querySelector('#nothing').textContent === 'There are no duplicates here.'")


def test_a_report_that_is_cut_off_says_so(page: Page, report: Path) -> None:
    whole = report.read_text()
    report.write_text(whole[: whole.index('id="thumbs-0"')])
    page.browser.get(report.as_uri())
    page.wait("return document.querySelector('#loading').textContent.includes('cut off')")


def test_what_was_decided_is_marked(page: Page, report: Path, photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    """And what the page says goes back into the index; a file that is protected cannot be marked to go."""
    page.open(report.as_uri())
    page.fill("[name=text]", "large.png")
    page.click(".card [data-verdict='keep both']")
    page.fill("[name=text]", "small.png")
    page.click(".group [data-all=same]")
    page.click("#export-decisions")
    dsh("decide", "--from", page.downloaded("decisions.jsonl"))
    dsh("dupes", "-r", 4, "--report", report, "--decided")
    page.open(report.as_uri())
    assert sorted(mark for mark in page.marks() if mark) == ["keep both", "same", "same"]
    dsh("dupes", "-r", 4, "--report", report, "--protect", photos, "--decided")
    page.open(report.as_uri())
    off = "return [...document.querySelectorAll('[data-verdict=same]')].map((button) => button.disabled)"
    assert page.run(off) == [True] * 4
    page.keys("shift+R")
    assert page.text("#files") == "0 files" and "stays" in page.texts(".card .tags")[1]


def test_what_is_taken_back_is_forgotten(
    page: Page, report: Path, photos: Path, tmp_path: Path, dsh: Dsh, home: Path
) -> None:
    """Marks that came with the report, and a keeper that was chosen: the index follows the page."""
    dsh("decide", photos / "b" / "large.png", photos / "b" / "taken.jpg", "--same")
    dsh("decide", photos / "a" / "big.png", photos / "a" / "small.png", "--same")
    dsh("dupes", "-r", 4, "--report", report)
    page.open(report.as_uri())
    assert sorted(mark for mark in page.marks() if mark) == ["same"] * 3
    page.fill("[name=text]", "large.png")
    page.click(".group [data-verdict=same][aria-pressed=true]")
    page.fill("[name=text]", "small.png")
    page.keys("escape")
    at = page.texts(".card .name").index("small.png")
    page.run("document.querySelectorAll('.card')[arguments[0]].querySelector('.choose').click()", at)
    page.click("#export-decisions")
    dsh("decide", "--from", page.downloaded("decisions.jsonl"))
    small, big = (hashlib.sha256((photos / "a" / name).read_bytes()).digest() for name in ("small.png", "big.png"))
    with Index.open(home / "index.db") as index:
        found = {(decision.one, decision.other): str(decision.verdict) for decision in Decisions(index).all()}
        assert found == {(small, small): "same", (min(small, big), max(small, big)): "same"}
        assert Decisions(index).chosen() == {small}


def test_a_protected_file_stays_when_another_one_is_kept(
    page: Page, photos: Path, report: Path, tmp_path: Path, dsh: Dsh
) -> None:
    dsh("dupes", "-r", 4, "--report", report, "--protect", photos / "a" / "big.png")
    page.open(report.as_uri())
    page.fill("[name=text]", "small.png")
    page.keys("escape", "shift+R")
    at = page.texts(".card .name").index("small.png")
    page.run("document.querySelectorAll('.card')[arguments[0]].querySelector('.choose').click()", at)
    assert page.marks() == ["", "", "same"] and page.text("#files") == "1 file"
    assert "stays: protected by" in page.texts(".card .tags")[1]

"""`dsh review` from end to end: real files, the real process, a real browser and its keys, the rows, a plan, undo."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import picture
from served import Server, serving
from typer.testing import Result

Dsh = Callable[..., Result]
PHOTOS = 4

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")), reason="no chromium with chromedriver here"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a window; its `downloads` lie in a folder of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    downloads = tmp_path_factory.mktemp("downloads")
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,2600", "--no-proxy-server"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.downloads = downloads
    yield driver
    driver.quit()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Drawings, each also as a JPEG, at half the size and as an equal file; and others that are alone."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(PHOTOS):
        image = picture(number, (600, 400))
        image.save(folder / f"{number}.png")
        image.save(folder / f"{number} <i>&amp;.jpg", quality=80)
        image.resize((300, 200)).save(folder / f"{number}-small.jpg", quality=90)
        shutil.copy2(folder / f"{number}.png", folder / f"{number}-caf\udce9.png")
        picture(100 + number, (640, 360)).save(folder / f"alone-{number}.jpg")
    return folder


def wait_for(check: Callable[[], object], seconds: float = 60) -> Any:
    """What the check gives once it gives something."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > deadline:
            assert found, "that never came"
            return found
        time.sleep(0.05)


class Page:
    """The page in the browser."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        driver.get(url)
        wait_for(lambda: self.all(".card") and not self.text("#loading"))
        self.pictures()

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)  # type: ignore[no-any-return]

    def text(self, selector: str) -> str:
        return str(self.driver.find_element("css selector", selector).text)

    def pictures(self) -> int:
        """Waits until every picture that is there is loaded; how many are."""
        script = """
            const all = [...document.querySelectorAll('.card img')];
            return all.every(i => i.complete && i.naturalWidth > 0) ? all.length : 0
        """
        return int(wait_for(lambda: self.driver.execute_script(script)))

    def press(self, *keys: str) -> None:
        """Letters, or names of keys."""
        from selenium.webdriver import ActionChains, Keys

        for key in keys:
            code = key if len(key) == 1 else getattr(Keys, key)
            ActionChains(self.driver).send_keys(code).perform()

    def marks(self) -> dict[str, list[str]]:
        """Of each group, by the photo that it is of, the marks, the keeper first, as the page shows them; once all is
        saved."""
        wait_for(lambda: not self.all("#unsaved:not([hidden])") and self.text("#saved") in ("", "Saved"))
        script = """
            const mark = card => card.classList.contains('keeper') ? '=' : card.dataset.mark
            const photo = article => article.querySelector('.keeper .name').textContent[0]
            const marks = article => [...article.querySelectorAll('.card')].map(mark)
            return Object.fromEntries([...document.querySelectorAll('article')].map(a => [photo(a), marks(a)]))
        """
        return self.driver.execute_script(script)  # type: ignore[no-any-return]

    def problems(self) -> list[Any]:
        """Everything that the console has: errors, refusals of the policy, failed requests."""
        return self.driver.get_log("browser")  # type: ignore[no-any-return]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def rows(db: Path) -> tuple[set[tuple[str, str, str]], set[str]]:
    with closing(sqlite3.connect(db)) as connection:
        decided = connection.execute("SELECT digest_a, digest_b, verdict FROM decisions").fetchall()
        chosen = connection.execute("SELECT digest FROM chosen_keepers").fetchall()
    return {(a.hex(), b.hex(), verdict) for a, b, verdict in decided}, {digest.hex() for (digest,) in chosen}


def photo_of(group: dict[str, Any]) -> str:
    return os.path.basename(group["images"][0]["path"])[0]


def meant(server: Server, marks: dict[str, list[str]]) -> set[tuple[str, str, str]]:
    """What marks say of pairs of contents: the server has the images of a group in the order of the page."""
    found = set()
    for group in server.groups():
        keeper, *others = (image["digest"] for image in group["images"])
        for other, mark in zip(others, marks[photo_of(group)][1:], strict=True):
            if mark:
                found.add((min(keeper, other), max(keeper, other), mark))
    return found


def test_mark_kill_go_on_apply_undo(browser: Any, dsh: Dsh, photos: Path, tmp_path: Path) -> None:
    db, before = tmp_path / "index.db", bytes_of(photos)
    dsh("index", photos, "--db", db)

    with serving("--db", db) as server:
        page = Page(browser, server.url)
        assert len(page.all("article")) == PHOTOS and page.pictures() == 4 * PHOTOS
        names = {element.text for element in page.all(".name")}
        assert "0 <i>&amp;.jpg" in names and any("caf" in name and "e9" in name for name in names)
        page.press("R")  # the whole first group, and on to the second
        page.press("k", "r", "k")  # a mark moves on to the next copy, and then to the next group
        page.press("d", "ARROW_LEFT", "u", "ARROW_RIGHT", "r")  # ... of which one mark is taken back
        browser.save_screenshot(str(tmp_path / "marked.png"))
        marks = page.marks()
        assert rows(db) == (meant(server, marks), set()) and len(rows(db)[0]) == 5
        server.process.kill()
        server.process.wait()

    with serving("--db", db) as server:
        assert rows(db) == (meant(server, marks), set())
        page = Page(browser, server.url)
        assert page.marks() == marks, "what was marked before the kill is there again"
        # A small one becomes the keeper of the group without marks, and the one that was may go.
        at, chosen = next(
            (at, g["images"][-1]) for at, g in enumerate(server.groups()) if not any(marks[photo_of(g)][1:])
        )
        page.press(*["ARROW_DOWN"] * at, "ARROW_RIGHT", "ARROW_RIGHT", "m", "R")
        marks = page.marks()
        found, keepers = rows(db)
        assert keepers == {chosen["digest"]} and found == meant(server, marks)
        page.driver.refresh()
        page = Page(browser, server.url)
        assert page.marks() == marks

        page.driver.find_element("id", "export-plan").click()
        plan = browser.downloads / "plan.jsonl"
        wait_for(plan.exists)
        assert page.problems() == []
        lines = [json.loads(line) for line in plan.read_text().splitlines()[1:]]
        going = {os.path.basename(line["remove"]["path"]) for line in lines}
        shown = [(i, m) for g in server.groups() for i, m in zip(g["images"], marks[photo_of(g)], strict=True)]
        assert going == {os.path.basename(image["path"]) for image, mark in shown if mark == "same"}
        assert len(going) == len(lines) >= 6
        words = server.interrupt()
    assert "to remove" in words and "1 keeper chosen" in words

    dsh("apply", plan, "--yes", "--strict", "--dir", tmp_path / "quarantine")
    assert bytes_of(photos) == {name: data for name, data in before.items() if name not in going}
    assert os.path.basename(chosen["path"]) in os.listdir(photos)
    dsh("undo", "--db", db, "--strict")
    assert bytes_of(photos) == before
    plan.unlink()


def test_a_mark_goes_with_the_keeper_that_it_is_about(browser: Any, dsh: Dsh, photos: Path, tmp_path: Path) -> None:
    """Moved on to another keeper, back, taken away, and moved on again: no row is left that the page does not show."""
    db = tmp_path / "index.db"
    dsh("index", photos, "--db", db)
    with serving("--db", db) as server:
        page = Page(browser, server.url)
        page.press("ARROW_RIGHT", "ARROW_RIGHT", "r", "ARROW_UP")  # a small one is to go
        first, *_ = server.groups()
        of = photo_of(first)
        jpeg, png, _, small = (image["digest"] for image in first["images"])
        marked = page.marks()
        assert rows(db) == ({(min(jpeg, small), max(jpeg, small), "same")}, set())
        page.press("m")  # an equal PNG is to be kept instead
        assert page.marks()[of] == ["=", "", "", "same"]
        assert rows(db) == ({(min(png, small), max(png, small), "same")}, {png})
        page.press("z")
        assert page.marks() == marked
        assert rows(db) == ({(min(jpeg, small), max(jpeg, small), "same")}, set())
        page.press("ARROW_RIGHT", "ARROW_RIGHT", "u", "ARROW_LEFT", "ARROW_LEFT", "m")
        marked = page.marks()
        assert marked[of] == ["=", "", "", ""] and rows(db) == (set(), {png})
        page = Page(browser, server.url)
        assert page.marks() == marked and server.get("api/plan").text.count("\n") == 1 and page.problems() == []


def test_a_keeper_is_saved_before_its_marks(browser: Any, dsh: Dsh, photos: Path, tmp_path: Path) -> None:
    """Stopped between the two, the index must not have a mark on the image that is to be kept now."""
    db = tmp_path / "index.db"
    dsh("index", photos, "--db", db)
    with serving("--db", db) as server:
        page = Page(browser, server.url)
        page.press("ARROW_RIGHT", "ARROW_RIGHT", "r", "ARROW_UP", "ARROW_RIGHT", "ARROW_RIGHT")
        page.marks()
        asked = "window.asked = []; const f = fetch; window.fetch = (u, o) => {window.asked.push(u); return f(u, o)}"
        browser.execute_script(asked)
        page.press("m")
        page.marks()
        assert browser.execute_script("return window.asked") == ["api/keeper", "api/decisions"]


def test_the_page_says_when_nothing_is_saved(browser: Any, dsh: Dsh, photos: Path, tmp_path: Path) -> None:
    """Another process holds the index, then lets go; and a server that is gone."""
    db = tmp_path / "index.db"
    dsh("index", photos, "--db", db)
    with serving("--db", db) as server:
        page = Page(browser, server.url)
        with closing(sqlite3.connect(db, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            page.press("r")
            wait_for(lambda: "another process" in page.text("#unsaved"))
            assert rows(db) == (set(), set())
            holder.execute("ROLLBACK")
        page.driver.find_element("id", "retry").click()
        of = photo_of(server.groups()[0])
        assert page.marks()[of][1] == "same" and len(rows(db)[0]) == 1
        server.process.kill()
        server.process.wait()
        page.press("d")
        wait_for(lambda: "does not answer" in page.text("#unsaved"))
    page.problems()  # of requests that failed, as they should


def test_a_picture_that_changed_is_told_on_its_card(browser: Any, dsh: Dsh, photos: Path, tmp_path: Path) -> None:
    db = tmp_path / "index.db"
    dsh("index", photos, "--db", db)
    with serving("--db", db) as server:
        changed = Path(server.groups()[0]["images"][0]["path"])
        changed.write_bytes(changed.read_bytes() + b"more")
        browser.get(server.url)
        (told,) = wait_for(lambda: browser.find_elements("css selector", ".card .missing"))
        wait_for(lambda: "changed since it was indexed" in told.text)
    browser.get_log("browser")


def test_equal_files_are_never_different(browser: Any, dsh: Dsh, photos: Path, tmp_path: Path) -> None:
    """Neither by a key nor by way of a keeper that both were different from."""
    db = tmp_path / "index.db"
    dsh("index", photos, "--db", db)
    with serving("--db", db) as server:
        jpeg, png, twin, _ = (image["digest"] for image in server.groups()[0]["images"])
        of = photo_of(server.groups()[0])
        assert png == twin != jpeg
        page = Page(browser, server.url)
        page.press("d")  # and on to the twin
        assert page.marks()[of] == ["=", "different", "different", ""]
        page.press("m")
        assert page.marks()[of] == ["=", "different", "", ""]
        page.press("ARROW_RIGHT", "ARROW_RIGHT", "d")
        assert page.marks()[of] == ["=", "different", "", ""] and "Equal bytes" in page.text("#said")
        assert rows(db) == ({(min(jpeg, png), max(jpeg, png), "different")}, {png}) and page.problems() == []

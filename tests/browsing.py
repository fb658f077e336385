"""A browser for tests of pages: Debian's chromium by selenium; tests skip where there is none."""

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import draw, picture
from PIL import Image

from dshcli.hasher.models import Model

PATIENCE = 20.0  # seconds until something that a page should do counts as not done


@contextmanager
def chromium(folder: Path, width: int = 1400, height: int = 900) -> Iterator[Any]:
    """A selenium driver whose downloads land in `folder`."""
    webdriver = pytest.importorskip("selenium.webdriver")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no chromium with its driver here")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        downloads = {"behavior": "allow", "downloadPath": str(folder)}
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
        yield browser
    finally:
        browser.quit()


class Page:
    """A page in a browser, as a person has it: text that is seen, keys, clicks."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder

    def open(self, url: str) -> None:
        self.browser.get(url)
        self.wait(
            "return document.querySelectorAll('.card').length > 0 && !document.querySelector('#loading').textContent"
        )

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def wait(self, script: str) -> Any:
        """What a script gives as soon as that is true."""
        return until(lambda: self.run(script))

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        for key in keys:
            actions = ActionChains(self.browser)
            name = key.removeprefix("shift+")
            symbol = getattr(Keys, name.upper()) if len(name) > 1 else name
            if name != key:
                actions.key_down(Keys.SHIFT).send_keys(symbol).key_up(Keys.SHIFT)
            else:
                actions.send_keys(symbol)
            actions.perform()

    def click(self, selector: str) -> None:
        self.browser.find_element("css selector", selector).click()

    def fill(self, selector: str, text: str) -> None:
        field = self.browser.find_element("css selector", selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, value: str) -> None:
        self.run(
            "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
            "for (const name of ['change', 'input']) s.dispatchEvent(new Event(name, {bubbles: true}))",
            selector,
            value,
        )

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def texts(self, selector: str) -> list[str]:
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector))

    def marks(self) -> list[str]:
        """Of all cards that are there, in order; the keepers' are empty."""
        return list(self.run("return [...document.querySelectorAll('.card')].map((e) => e.dataset.mark)"))

    def downloaded(self, name: str) -> Path:
        path = self.folder / name
        until(lambda: path.exists() and path.stat().st_size > 0 and not list(self.folder.glob("*.crdownload")))
        return path

    def complaints(self) -> list[str]:
        """What the console has been told since it was last asked, refusals of the policy among it."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requests(self) -> list[str]:
        """All addresses that the page has asked for."""
        messages = (json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance"))
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def screen(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.browser.get_screenshot_as_base64())


def until(ready: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := ready()):
        assert time.monotonic() < end, "the page did not do it in time"
        time.sleep(0.02)
    return found


def report_photos(folder: Path, dsh: Callable[..., object], model: Model) -> Path:
    """An index of three groups: three files, two equal; two sizes; two of one size, one of which cannot be read any
    more."""
    flat = (96, 64)
    draw(folder / "a" / "big.png", 2, (192, 128))
    draw(folder / "a" / "small.png", 2, flat)
    shutil.copy(folder / "a" / "small.png", folder / "a" / "twin.png")
    draw(folder / "b" / "large.png", 5, (256, 192))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:05:06 07:08:09"
    picture(5, (256, 192)).resize(flat).save(folder / "b" / "taken.jpg", quality=95, exif=exif)
    draw(folder / "c" / "one.png", 9, flat)
    image = picture(9, flat)
    image.putpixel((3, 3), (1, 2, 3))
    image.save(folder / "c" / "two.png", compress_level=0)
    dsh("index", folder, "-m", model.folder)
    dsh("models", "use", model.folder)
    return folder

"""The file of a report: written beside any other output, whole or not at all, over nothing but a report."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import report_photos
from conftest import as_nobody, records
from PIL import Image
from typer.testing import Result

from dshcli.hasher.models import Model
from dshcli.show.page.review.page import MARK, served_page, served_policy
from dshcli.show.page.review.thumbnails import Format, webp_within

Dsh = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path, dsh: Dsh, toy_model: Model) -> Path:
    return report_photos(tmp_path / "photos", dsh, toy_model)


def test_beside_any_other_output(photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    plain = dsh("dupes", "-r", 4, "--json")
    both = dsh("dupes", "-r", 4, "--json", "--report", tmp_path / "o.html", "--plan", tmp_path / "p.jsonl", "-q")
    assert both.stdout == plain.stdout and both.stderr == ""
    blocks = re.findall(
        r'<script type="application/json" id="([^"]+)">(.*?)</script>', (tmp_path / "o.html").read_text()
    )
    data = {name: json.loads(text) for name, text in blocks}
    assert list(data) == ["head", "groups-0", "thumbs-0", "end"]
    assert [group["group"] for group in data["groups-0"]] == [group["group"] for group in records(plain)]
    images = [image["digest"] for group in data["groups-0"] for image in group["images"]]
    assert len(data["thumbs-0"]) == len(set(images)) == 6 and len(images) == 7
    dsh("dupes", "-r", 4, "--report", tmp_path / "o.html", "--fail-on-found", exit_code=4)


def test_nothing_else_is_overwritten(photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    for name, content in (("photo.png", b"\x89PNG"), ("page.html", b"<!doctype html>\n<html>"), ("empty.html", b"")):
        (tmp_path / name).write_bytes(content)
        assert "is no report" in dsh("dupes", "--report", tmp_path / name, exit_code=2).stderr
        assert (tmp_path / name).read_bytes() == content
    assert "no such folder" in dsh("dupes", "--report", tmp_path / "none" / "o.html", exit_code=2).stderr
    (tmp_path / "link.html").symlink_to(tmp_path / "nowhere")
    assert "is no report" in dsh("dupes", "--report", tmp_path / "link.html", exit_code=2).stderr
    dsh("dupes", "-r", 4, "--report", tmp_path / "o.html")
    first = (tmp_path / "o.html").read_bytes()
    assert first.startswith(MARK.encode())
    dsh("dupes", "-r", 0, "--report", tmp_path / "o.html")
    assert (tmp_path / "o.html").read_bytes() != first


def test_whole_or_not_at_all(photos: Path, tmp_path: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch) -> None:
    from dshcli.show.page.review import report as module

    dsh("dupes", "-r", 4, "--report", tmp_path / "o.html")
    before = (tmp_path / "o.html").read_bytes()
    monkeypatch.setattr(module, "BLOCK_GROUPS", 1)
    full = OSError(28, "No space left on device")

    def refuse(name: str, value: object) -> str:
        raise full

    monkeypatch.setattr(module, "data_block", refuse)
    result = dsh("dupes", "-r", 4, "--report", tmp_path / "o.html", exit_code=1)
    assert "no space left on device" in result.stderr and "--report FILE.html" in result.stderr
    assert (tmp_path / "o.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_refuses(photos: Path, public: Path, dsh: Dsh, tmp_path: Path) -> None:
    from dshcli.errors import DshError
    from dshcli.progress import Silent
    from dshcli.show.page.review.report import Heading, created_report

    report = created_report(public / "o.html", Heading("t", {}, 0, 0, 10), Silent())
    with as_nobody(), pytest.raises(DshError, match="permission denied"), report:
        pass


def test_thumbnails_share_a_budget() -> None:
    assert Format.for_all(200, 35_000_000).side == 640
    sides = [Format.for_all(count, 35_000_000).side for count in (500, 2_000, 10_000, 25_000, 10**7)]
    assert sides == sorted(sides, reverse=True) and sides[-1] == 64 and sides[-2] >= 80
    noise = Image.frombytes("RGB", (320, 240), os.urandom(320 * 240 * 3))
    for limit in (100_000, 5_000, 1_000, 200):
        assert len(webp_within(noise, limit)) <= limit


def test_the_policy_names_the_script_and_the_style() -> None:
    import base64
    import hashlib

    html = served_page("Duplicates", {"dsh_plan": 1})
    for kind in ("script", "style"):
        (only,) = re.findall(rf"<{kind}>(.*?)</{kind}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(only.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in served_policy()
    assert not re.search(r"\s(style|on\w+)=", re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.S))

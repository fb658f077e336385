"""What `dsh review` shows: groups with their facts, and pictures of nothing but what is in them."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from served import STRANGE, Server, digest, flat, index, raw, serving
from typer.testing import Result

from dshcli.commands.dupes import Group, Member
from dshcli.hasher.models import Model
from dshcli.library.store import Image as Row
from dshcli.review.pictures import Cache
from dshcli.review.table import GroupTable

Dsh = Callable[..., Result]


def test_groups_with_their_facts(server: Server, folder: Path) -> None:
    answer = server.get("api/groups?start=0&count=10")
    assert answer.json()["total"] == 2 and "\\udce9" in answer.text
    red, blue = sorted(answer.json()["groups"], key=lambda group: -len(group["images"]))
    assert [os.path.basename(image["path"]) for image in red["images"]] == ["big.png", STRANGE, "small.png"]
    assert red["images"][0]["width"] == 800 and red["images"][0]["digest"] == digest(folder / "big.png")
    assert red["why"] == "most pixels" and red["images"][0]["bytes"] == (folder / "big.png").stat().st_size
    assert [image["kind"] for image in blue["images"][1:]] == ["exact"] and blue["images"][1]["exact"] is True
    assert all(image["verdict"] == "" and image["chosen"] is False for image in red["images"] + blue["images"])
    assert server.get("api/groups?start=1&count=1").json()["groups"] == answer.json()["groups"][1:]
    assert server.get("api/groups?start=2").json() == {"total": 2, "groups": []}


@pytest.mark.parametrize(
    "query", ["start=-1", "count=-5", "start=x", "start=1e3", "start=9999999999", "count=²", "start="]
)
def test_numbers_that_make_no_sense(shown: Server, query: str) -> None:
    answer = shown.get("api/groups?" + query)
    assert answer.status_code == 400 and "no number" in answer.json()["error"]


def picture(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_pictures_of_groups_by_their_content(server: Server, folder: Path) -> None:
    big = digest(folder / "big.png")
    thumb, large = server.get("api/thumb/" + big), server.get("api/picture/" + big)
    assert thumb.headers["content-type"] == "image/webp" and large.headers["content-type"] == "image/jpeg"
    assert picture(thumb).size == (320, 160) and picture(large).size == (800, 400)
    assert all(abs(a - b) < 8 for a, b in zip(picture(large).getpixel((5, 5)), (240, 0, 0), strict=True))
    assert picture(server.get("api/picture/" + digest(folder / "small.png"))).size == (40, 20)
    again = server.get("api/thumb/" + big, headers={"if-none-match": thumb.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert server.get("api/picture/" + big, headers={"if-none-match": thumb.headers["etag"]}).status_code == 200


def test_pictures_are_upright(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    tall = Image.new("RGB", (60, 90), (10, 10, 200))
    tall.paste((250, 250, 250), (0, 0, 60, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "album").mkdir()
    for name in ("a.jpg", "b.jpg"):
        tall.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "album" / name, exif=exif, quality=95)
    with serving("--db", index(tmp_path / "album", toy_model)) as server:
        shown = picture(server.get("api/picture/" + digest(tmp_path / "album" / "a.jpg")))
    assert shown.size == (60, 90) and shown.getpixel((30, 3))[0] > 200 and not shown.getexif()


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "%00",
        "0" * 63,
        "0" * 64,
        "g" * 64,
        "²" * 64,
        "",
    ],
)
def test_nothing_but_digests_of_groups_leads_to_a_file(shown: Server, name: str) -> None:
    for kind in ("thumb", "picture"):
        path = shown.url.removeprefix(shown.origin) + f"api/{kind}/{name}"
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\nConnection: close\r\n\r\n"
        head, _, body = raw(shown, request.encode()).partition(b"\r\n\r\n")
        assert b" 404 " in head.split(b"\r\n")[0] or b" 400 " in head.split(b"\r\n")[0], head
        assert b"root:" not in body


def test_an_indexed_picture_of_no_group_is_not_shown(server: Server, folder: Path) -> None:
    answer = server.get("api/picture/" + digest(folder / "green.png"))
    assert answer.status_code == 404 and "no picture of that digest" in answer.json()["error"]


def refused(server: Server, content: str) -> str:
    """Why there is no picture; also where the browser has one and asks whether it still holds."""
    answers = [server.get(f"api/{kind}/{content}") for kind in ("thumb", "picture")]
    answers.append(server.get(f"api/thumb/{content}", headers={"if-none-match": f'"{content}-320"'}))
    assert [answer.status_code for answer in answers] == [404] * 3
    return str(answers[0].json()["error"])


@pytest.mark.parametrize("seen", [False, True])
def test_a_file_that_changed_is_not_shown(server: Server, folder: Path, seen: bool) -> None:
    big = digest(folder / "big.png")
    if seen:
        assert server.get("api/thumb/" + big).status_code == 200
    flat(folder / "big.png", (9, 9, 9), 800)
    os.utime(folder / "big.png", ns=(10**18, 10**18 + 1))
    assert "changed since it was indexed" in refused(server, big)
    (folder / "big.png").unlink()
    assert "no such file" in refused(server, big)


def test_what_took_a_files_place_is_not_shown(server: Server, folder: Path, tmp_path: Path) -> None:
    """The same size and time do not make it the file; the digest does."""
    secret, small = tmp_path / "secret.png", digest(folder / "small.png")
    flat(secret, (1, 2, 3), 40)
    size = (folder / "small.png").stat().st_size
    secret.write_bytes(secret.read_bytes().ljust(size, b"\0"))
    os.utime(secret, ns=(10**18, 10**18))
    (folder / "small.png").unlink()
    (folder / "small.png").symlink_to(secret)
    file = (folder / "small.png").stat()
    assert (file.st_size, file.st_mtime_ns) == (size, 10**18)
    answer = server.get("api/picture/" + small)
    assert answer.status_code == 404 and "changed" in answer.json()["error"]
    (folder / "small.png").unlink()
    os.mkfifo(folder / "small.png")
    assert "changed" in refused(server, small)


def test_another_file_of_the_same_content_is_as_good(server: Server, folder: Path) -> None:
    (folder / "blue.png").unlink()
    assert server.get("api/thumb/" + digest(folder / "copy.png")).status_code == 200


def test_pictures_beyond_the_limit_are_not_decoded(db: Path, folder: Path) -> None:
    with serving("--db", db, "--max-pixels", 5000) as server:
        answer = server.get("api/thumb/" + digest(folder / "big.png"))
        assert answer.status_code == 404 and "more than the limit of 5000" in answer.json()["error"]
        assert server.get("api/thumb/" + digest(folder / "small.png")).status_code == 200


def test_neither_torch_nor_the_network_of_a_model_is_loaded(shown: Server) -> None:
    some = shown.groups()[0]["images"][0]["digest"]
    assert {shown.get(path).status_code for path in ("", "api/groups", f"api/picture/{some}", "api/plan")} == {200}
    libraries = Path(f"/proc/{shown.process.pid}/maps").read_text()
    assert "libpython" in libraries or "python" in libraries
    assert "libtorch" not in libraries and "onnxruntime" not in libraries


def image_row(number: int, content: bytes) -> Row:
    return Row(number, f"/p/{number}", 10, 0, content, 4, 3, "PNG")


def test_the_table_finds_every_group_of_a_content() -> None:
    contents = [bytes(31) + bytes([n]) for n in range(4)] + [bytes([n]) + bytes(31) for n in (1, 2)]  # ending in zeros
    groups = [[0, 1, 1], [2, 4], [4, 5, 0]]
    table = GroupTable(
        Group(
            number + 1, image_row(10 * number, contents[group[0]]), "why",
            tuple(
                Member(image_row(10 * number + i, contents[c]), i, False, "similar", "")
                for i, c in enumerate(group[1:], 1)
            ),
            7,
        )
        for number, group in enumerate(groups)
    )  # fmt: skip
    assert len(table) == 3 and table.group(1).keeper == image_row(10, contents[2])
    found: list[set[int]] = [table.having(content) for content in contents]
    assert found == [{p for p, group in enumerate(groups) if c in group} for c in range(6)]
    assert table.having(b"") == table.having(bytes(31)) == table.having(b"\xff" * 32) == set()
    assert len(GroupTable([])) == 0 and GroupTable([]).having(contents[0]) == set()


def test_the_cache_stays_within_its_bytes() -> None:
    cache: Any = Cache(100)
    for number in range(30):
        cache.put(number, bytes(30))
        cache.get(0)
    assert cache.size == 90 and cache.get(0) is not None and cache.get(29) is not None and cache.get(5) is None
    cache.put(0, bytes(50))
    cache.put("more than fits", bytes(500))
    assert cache.size == 0 and cache.get(0) is None

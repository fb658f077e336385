"""`dsh review` as a real process: who may ask it, what it shows, and that what it says is saved is saved."""

import hashlib
import io
import os
import shutil
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import as_nobody
from PIL import Image
from served import Server, serving
from typer.testing import CliRunner, Result

from dshcli.app import app
from dshcli.commands.dupes import Group, Member
from dshcli.dedupe.plan import load_plan
from dshcli.hasher.models import Model
from dshcli.library.store import Image as Row
from dshcli.review.pictures import Cache
from dshcli.review.table import GroupTable

Dsh = Callable[..., Result]
STRANGE = "caf\udce9 <b>\n.png"  # a byte that is no UTF-8, a tag, a newline
HEADERS = (
    "content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-resource-policy",
    "cache-control", "x-frame-options", "cross-origin-opener-policy",
)  # fmt: skip


def flat(path: Path, colour: tuple[int, int, int], side: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side // 2), colour).save(path)
    os.utime(path, ns=(10**18, 10**18))
    return path


def album(folder: Path) -> Path:
    """Flat pictures, whose codes tell their colours. Red: big, small and a strange name; blue: two equal files; green:
    a picture of which there is one. So two groups."""
    flat(folder / "big.png", (240, 0, 0), 800)
    flat(folder / "small.png", (240, 0, 0), 40)
    flat(folder / STRANGE, (240, 0, 1), 60)
    flat(folder / "blue.png", (0, 0, 240), 50)
    shutil.copy2(folder / "blue.png", folder / "copy.png")
    flat(folder / "green.png", (0, 240, 0), 50)
    return folder


def index(folder: Path, model: Model) -> Path:
    db = folder.parent / "index.db"
    result = CliRunner().invoke(app, ["index", str(folder), "--db", str(db), "--model", str(model.folder)])
    assert result.exit_code == 0, result.output
    return db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return album(tmp_path / "album")


@pytest.fixture
def db(folder: Path, toy_model: Model) -> Path:
    return index(folder, toy_model)


@pytest.fixture
def server(db: Path) -> Iterator[Server]:
    with serving("--db", db) as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, toy_model: Model) -> Iterator[Server]:
    """A server for tests that change nothing."""
    db = index(album(tmp_path_factory.mktemp("shown") / "album"), toy_model)
    with serving("--db", db) as found:
        yield found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def decisions(db: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(db)) as connection:
        rows = connection.execute("SELECT hex(digest_a), hex(digest_b), verdict FROM decisions")
        return {(one.lower(), other.lower(), verdict) for one, other, verdict in rows}


def row(one: str, other: str, verdict: str) -> tuple[str, str, str]:
    return min(one, other), max(one, other), verdict


# --- who may ask ---------------------------------------------------------------------------------------------------


def test_the_page_and_the_headers_of_every_answer(shown: Server) -> None:
    page = shown.get("")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    some = shown.groups()[0]["images"][0]["digest"]
    answers = [page, shown.get("api/groups"), shown.get("api/thumb/" + some), shown.get("api/plan"), shown.get("no")]
    answers += [shown.client.get(shown.origin), shown.post("api/decisions", {}), shown.post("api/groups", {})]
    assert [a.status_code for a in answers] == [200, 200, 200, 200, 404, 404, 400, 405]
    for answer in answers:
        assert all(answer.headers.get_list(name) != [] for name in HEADERS), answer.url
        assert "server" not in answer.headers and "access-control-allow-origin" not in answer.headers
        assert ("private" if "thumb" in str(answer.url) else "no-store") in answer.headers["cache-control"]


def test_without_the_token_there_is_nothing_to_see(shown: Server) -> None:
    token = shown.url.rstrip("/").rpartition("/")[2]
    assert len(token) >= 43
    wrong = (token[:-1], token + "x", "x" + token, token.swapcase(), "/" + token, "caf%C3%A9", "%ED%B3%A9", "")
    paths = [f"/{each}/{rest}" for each in wrong for rest in ("", "api/groups")]
    for path in (*paths, "", f"/{token}", f"/api/groups?token={token}"):
        answer = shown.client.get(shown.origin + path)
        assert (answer.status_code, answer.text) == (404, "Not Found"), path
    assert shown.get("").status_code == 200


def raw(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_another_host_name_is_refused(shown: Server) -> None:
    path = shown.url.removeprefix(shown.origin)
    for host in ("evil.example", f"evil.example:{shown.port}", "127.0.0.1", f"127.0.0.1:{shown.port}.evil.example",
                 f"127.0.0.2:{shown.port}", f"[::1]:{shown.port}", ""):  # fmt: skip
        answer = shown.get("api/groups", headers={"host": host})
        assert answer.status_code in (400, 421) and "group" not in answer.text, host
    assert shown.get("api/groups", headers={"host": f"localhost:{shown.port}"}).status_code == 200
    assert b" 421 " in raw(shown, f"GET {path}api/groups HTTP/1.0\r\n\r\n".encode()).split(b"\r\n")[0]
    two = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{shown.port}\r\nHost: evil.example\r\n\r\n"
    assert b"<html" not in raw(shown, two.encode())
    absolute = f"GET http://evil.example{path}api/groups HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert b" 200 " not in raw(shown, absolute.encode()).split(b"\r\n")[0]


def test_only_the_loopback_address_listens(shown: Server) -> None:
    for address in ("127.0.0.2", _own_address()):
        with pytest.raises(OSError):
            socket.create_connection((address, shown.port), timeout=5).close()


def _own_address() -> str:
    """Of this machine in its network; 127.0.0.3 where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.3"
        return str(probe.getsockname()[0])


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {},
    ],
)
def test_a_decision_from_another_page_is_refused(server: Server, db: Path, headers: dict[str, str]) -> None:
    one, other = (image["digest"] for image in server.groups()[0]["images"][:2])
    record = {"marks": [{"one": one, "other": other, "verdict": "same"}]}
    answer = server.client.post(server.url + "api/decisions", json=record, headers=headers)
    assert answer.status_code == 403 and decisions(db) == set()


def test_another_site_cannot_embed_anything(shown: Server) -> None:
    some = shown.groups()[0]["images"][0]["digest"]
    for path in ("api/groups", f"api/thumb/{some}", "api/plan"):
        assert shown.get(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert shown.get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 200


# --- what it shows -------------------------------------------------------------------------------------------------


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


# --- what is saved -------------------------------------------------------------------------------------------------


def test_marks_are_rows_and_come_back(server: Server, db: Path, folder: Path) -> None:
    big, small, blue = (digest(folder / name) for name in ("big.png", "small.png", "blue.png"))
    strange = digest(folder / STRANGE)
    marks = [
        {"one": big, "other": small, "verdict": "different"},
        {"one": small, "other": big, "verdict": "same"},  # the last word holds
        {"one": big, "other": strange, "verdict": "different"},
        {"one": blue, "other": blue, "verdict": "keep both"},
    ]
    assert server.post("api/decisions", {"marks": marks}).json() == {"saved": 3}
    expected = {row(big, small, "same"), row(big, strange, "different"), row(blue, blue, "keep both")}
    assert decisions(db) == expected
    found = {i["digest"]: i["verdict"] for group in server.groups() for i in group["images"][1:]}
    assert found == {small: "same", strange: "different", blue: "keep both"}
    assert server.mark(small, big, None).json() == {"saved": 1}
    assert decisions(db) == expected - {row(big, small, "same")}
    words = server.interrupt()
    assert "1 to keep both, 1 not duplicates." in words and "dsh dupes --plan" in words


def test_what_others_decide_shows_at_the_next_look(server: Server, dsh: Dsh, db: Path, folder: Path) -> None:
    big, small = digest(folder / "big.png"), digest(folder / "small.png")
    with serving("--db", db) as other:
        other.mark(big, small, "same")
        assert [i["verdict"] for g in server.groups() for i in g["images"] if i["digest"] == small] == ["same"]


def test_keep_both_holds_for_as_many_files_as_there_were(
    server: Server, db: Path, folder: Path, toy_model: Model
) -> None:
    blue = digest(folder / "blue.png")
    server.mark(blue, blue, "keep both")
    shutil.copy2(folder / "blue.png", folder / "third.png")
    index(folder, toy_model)
    with serving("--db", db) as again:
        (verdicts,) = [[i["verdict"] for i in g["images"]] for g in again.groups() if g["images"][0]["digest"] == blue]
    assert verdicts == ["", "", ""]


def test_a_chosen_keeper_comes_first(server: Server, db: Path, folder: Path) -> None:
    big, small, strange = (digest(folder / name) for name in ("big.png", "small.png", STRANGE))
    assert server.post("api/keeper", {"digest": small, "among": [big, small, strange]}).json() == {"saved": 1}
    server.mark(small, big, "same")
    (red,) = [group for group in server.groups() if len(group["images"]) == 3]
    assert [(i["digest"], i["verdict"], i["chosen"]) for i in red["images"]] == [
        (small, "", True), (big, "same", False), (strange, "", False),
    ]  # fmt: skip
    sizes = {name: (folder / name).stat().st_size for name in ("big.png", STRANGE)}
    assert red["frees"] == sum(sizes.values()) and red["images"][1]["distance"] == 0
    server.post("api/keeper", {"digest": strange, "among": [big, small, strange]})
    assert [group["images"][0]["digest"] for group in server.groups() if len(group["images"]) == 3] == [strange]
    server.post("api/keeper", {"digest": strange, "chosen": False})
    assert [group["images"][0]["digest"] for group in server.groups() if len(group["images"]) == 3] == [big]
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT count(*) FROM chosen_keepers").fetchone() == (0,)


def test_the_plan_has_what_is_marked_to_go(server: Server, dsh: Dsh, folder: Path, tmp_path: Path) -> None:
    names = ("big.png", "small.png", STRANGE, "blue.png")
    big, small, strange, blue = (digest(folder / name) for name in names)
    assert server.get("api/plan").text.count("\n") == 1
    server.mark(big, small, "same")
    server.mark(big, strange, "keep both")
    server.mark(blue, blue, "same")
    answer = server.get("api/plan")
    assert answer.headers["content-disposition"] == 'attachment; filename="plan.jsonl"'
    (tmp_path / "plan.jsonl").write_bytes(answer.content)
    plan = load_plan(tmp_path / "plan.jsonl")
    pairs = {(os.path.basename(line.keep.path), os.path.basename(line.remove.path)) for line in plan.lines}
    assert pairs == {("big.png", "small.png"), ("blue.png", "copy.png")}
    assert (plan.header.groups, plan.header.files) == (2, 2)
    assert plan.header.bytes == sum(line.remove.size for line in plan.lines)
    dsh("apply", tmp_path / "plan.jsonl", "--yes", "--strict")
    assert sorted(os.listdir(folder)) == sorted([STRANGE, "big.png", "blue.png", "green.png"])


def test_what_lies_in_a_protected_folder_stays(
    db: Path, folder: Path, tmp_path: Path, dsh: Dsh, toy_model: Model
) -> None:
    """Neither a mark nor another keeper removes it."""
    (folder / "safe").mkdir()
    shutil.move(folder / "big.png", folder / "safe" / "big.png")
    dsh("index", folder, "--db", db, "--model", toy_model.folder, "--prune")
    big, small, strange = (digest(folder / name) for name in ("safe/big.png", "small.png", STRANGE))
    with serving("--db", db, "--protect", folder / "safe") as server:
        (red,) = [group for group in server.groups() if len(group["images"]) == 3]
        assert red["images"][0]["digest"] == big and "protected" in red["images"][0]["stays"]
        assert [image["stays"] for image in red["images"][1:]] == ["", ""]
        server.post("api/keeper", {"digest": small, "among": [big, small, strange]})
        server.mark(small, big, "same")
        server.mark(small, strange, "same")
        (red,) = [group for group in server.groups() if len(group["images"]) == 3]
        assert [image["digest"] for image in red["images"]] == [small, big, strange]
        assert "protected" in red["images"][1]["stays"] and red["images"][2]["stays"] == ""
        (tmp_path / "plan.jsonl").write_bytes(server.get("api/plan").content)
    (line,) = load_plan(tmp_path / "plan.jsonl").lines
    assert os.path.basename(line.remove.path) == STRANGE
    assert load_plan(tmp_path / "plan.jsonl").header.protected == (str(folder / "safe"),)


def test_what_is_settled_is_asked_no_more(server: Server, db: Path, folder: Path) -> None:
    """All of the blue group stays; a green one that is no red one has left its group."""
    big, small, blue = (digest(folder / name) for name in ("big.png", "small.png", "blue.png"))
    server.mark(blue, blue, "keep both")
    server.mark(big, small, "different")
    assert len(server.groups()) == 2, "they are there until the next start"
    with serving("--db", db) as again:
        (red,) = again.groups()
        assert small not in [image["digest"] for image in red["images"]] and len(red["images"]) == 2
    with serving("--db", db, "--decided") as again:
        found = {image["digest"]: image["verdict"] for group in again.groups() for image in group["images"][1:]}
        assert found[blue] == "keep both" and len(again.groups()) == 2


ONE, OTHER = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"marks": {}}', "no list"),
        (b'{"marks": ["x"]}', "no JSON object"),
        (b'{"marks": [{"one": 1, "other": 2, "verdict": "same"}]}', "no SHA-256"),
        (f'{{"marks": [{{"one": "{ONE}", "other": "{OTHER}", "verdict": "same"}}]}}'.encode(), "no group"),
        (b'{"marks": [{"one": "BIG", "other": "BLUE", "verdict": "same"}]}', "no group"),
        (b'{"marks": [{"one": "BIG", "other": "GREEN", "verdict": "same"}]}', "no group"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL", "verdict": "Same"}]}', "none of"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL", "verdict": ["same"]}]}', "none of"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL"}]}', "missing"),
        (b'{"marks": [{"one": "BLUE", "other": "BLUE", "verdict": "different"}]}', "from itself"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL", "verdict": "same"}, {}]}', "no SHA-256"),
    ],
)
def test_marks_that_are_off_save_nothing(server: Server, db: Path, folder: Path, body: bytes, words: str) -> None:
    for name in ("big", "small", "blue", "green"):
        body = body.replace(name.upper().encode(), digest(folder / f"{name}.png").encode())
    headers = {"origin": server.origin, "content-type": "application/json"}
    answer = server.client.post(server.url + "api/decisions", content=body, headers=headers)
    assert answer.status_code == 400 and words in answer.json()["error"] and decisions(db) == set()


def test_forms_and_huge_bodies_are_refused(server: Server, db: Path) -> None:
    headers = {"origin": server.origin, "content-type": "text/plain"}
    assert server.client.post(server.url + "api/decisions", content=b"{}", headers=headers).status_code == 415
    form = server.client.post(server.url + "api/keeper", data={"digest": ONE}, headers={"origin": server.origin})
    assert form.status_code == 415
    headers["content-type"] = "application/json"
    sent = []

    def endless() -> Iterator[bytes]:
        while len(sent) < 1000:
            sent.append(1)
            yield b" " * 100_000

    for content in (b" " * 5_000_000, endless()):
        try:
            answer = server.client.post(server.url + "api/decisions", content=content, headers=headers)
            assert answer.status_code == 413 and "send less" in answer.json()["error"]
        except httpx.TransportError:
            pass  # it did not wait for the rest
    assert len(sent) < 1000 and server.get("").status_code == 200 and decisions(db) == set()


def test_marks_from_many_at_once_are_all_there(db: Path, folder: Path, toy_model: Model) -> None:
    """Two servers on one index, each asked by several, while dsh index goes over the folder again and again."""
    for number in range(40):
        flat(folder / f"{number:02}.png", (112, 112, 112), 30 + number)
    index(folder, toy_model)
    ended = threading.Event()

    def go_on_indexing() -> int:
        runs = 0
        while not ended.is_set():
            flat(folder / "growing.png", (0, 240, 240), 20 + runs % 90)
            index(folder, toy_model)
            runs += 1
        return runs

    with serving("--db", db) as one, serving("--db", db) as other, ThreadPoolExecutor(9) as pool:
        indexing = pool.submit(go_on_indexing)
        (gray,) = [group for group in one.groups() if len(group["images"]) == 40]
        keeper, *members = [image["digest"] for image in gray["images"]]
        jobs = [
            pool.submit((one, other)[number % 2].mark, keeper, member, ("same", "keep both", "different")[number % 3])
            for number, member in enumerate(members)
        ]
        answers = [job.result() for job in jobs]
        ended.set()
        assert indexing.result() > 0
        assert [answer.json() for answer in answers] == [{"saved": 1}] * 39
        shown = [image["verdict"] for image in other.get("api/groups").json()["groups"][0]["images"][1:]]
    assert {(a, b) for a, b, _ in decisions(db)} == {row(keeper, member, "")[:2] for member in members}
    assert len(shown) == 39 or len(shown) == 2
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_an_index_that_another_process_holds(server: Server, db: Path, folder: Path) -> None:
    big, small = digest(folder / "big.png"), digest(folder / "small.png")
    with closing(sqlite3.connect(db, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        answer = server.mark(big, small, "same")
        assert answer.status_code == 503 and "not saved" in answer.json()["error"]
        assert server.get("api/groups").status_code == 200, "readers do not wait"
        holder.execute("ROLLBACK")
    assert decisions(db) == set()
    assert server.mark(big, small, "same").status_code == 200 and decisions(db) == {row(big, small, "same")}


def test_an_index_that_was_replaced_takes_nothing(server: Server, db: Path, folder: Path) -> None:
    big, small = digest(folder / "big.png"), digest(folder / "small.png")
    shutil.copy(db, db.with_name("other.db"))
    db.with_name("other.db").replace(db)
    answer = server.mark(big, small, "same")
    assert answer.status_code == 503 and "replaced" in answer.json()["error"]
    db.unlink()
    assert server.mark(big, small, "same").status_code == 503


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_right_after_an_answer(db: Path, folder: Path, how: signal.Signals) -> None:
    big, others = digest(folder / "big.png"), [digest(folder / "small.png"), digest(folder / STRANGE)]
    expected = set()
    for other, verdict in zip(others, ("same", "keep both"), strict=True):
        with serving("--db", db) as server:
            assert server.mark(big, other, verdict).json() == {"saved": 1}
            server.process.send_signal(how)
            server.process.wait()
        expected.add(row(big, other, verdict))
        assert decisions(db) == expected
    with serving("--db", db) as server:
        found = {i["digest"]: i["verdict"] for group in server.groups() for i in group["images"] if i["verdict"]}
    assert found.items() >= {others[0]: "same"}.items()


# --- beginning and ending ------------------------------------------------------------------------------------------


def test_ctrl_c_tells_how_to_go_on(server: Server) -> None:
    words = server.interrupt()
    assert "Decided this time: nothing" in words and "Traceback" not in words
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url, trust_env=False)


def test_a_port_that_is_taken(db: Path, dsh: Dsh, server: Server) -> None:
    result = dsh("review", "--db", db, "--port", server.port, "--no-browser", exit_code=2)
    assert f"port {server.port}: address already in use" in result.stderr and "--port" in result.stderr


def test_a_port_of_ones_own(db: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving("--db", db, "--port", port) as server:
        assert server.port == port and server.get("").status_code == 200


def test_nothing_to_review(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    flat(tmp_path / "album" / "one.png", (0, 0, 0), 40)
    result = dsh("review", "--db", index(tmp_path / "album", toy_model), "--no-browser")
    assert result.stdout == "" and "nothing to review" in result.stderr
    assert "no index yet" in dsh("review", "--db", tmp_path / "none.db", exit_code=1).stderr
    assert not (tmp_path / "none.db").exists()


def test_an_index_that_cannot_be_written_is_told_at_once(public: Path, dsh: Dsh, toy_model: Model) -> None:
    db = index(album(public / "album"), toy_model)
    public.chmod(0o555)
    db.chmod(0o444)
    with as_nobody():
        result = dsh("review", "--db", db, "--no-browser", exit_code=1)
    assert "cannot be" in result.stderr and result.stdout == ""


def test_the_browser_is_opened_unless_told_not_to(db: Path, tmp_path: Path) -> None:
    opener = tmp_path / "browser"
    opener.write_text(
        f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened-part && mv {tmp_path}/opened-part {tmp_path}/opened\n'
    )
    opener.chmod(0o755)
    with serving("--db", db, BROWSER=str(opener)) as server:
        server.get("")
        server.interrupt()
    assert not (tmp_path / "opened").exists()
    with serving("--db", db, browser=True, BROWSER=str(opener)) as server:
        while not (tmp_path / "opened").exists():
            assert server.get("").status_code == 200
        assert (tmp_path / "opened").read_text() == server.url


# --- parts ---------------------------------------------------------------------------------------------------------


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

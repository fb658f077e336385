"""Who may ask `dsh review`: the page that has the token, from this computer, by its address."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from served import Server, decisions, raw
from typer.testing import Result

Dsh = Callable[..., Result]
HEADERS = (
    "content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-resource-policy",
    "cache-control", "x-frame-options", "cross-origin-opener-policy",
)  # fmt: skip


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

"""The judge of our pages sees what is wrong, one fault at a time; tests/conftest.py shows it every page."""

import httpx
import pytest

from tests.conftest import judged
from tests.markup import faults

GOOD = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>Hẹn Khám</title></head><body>
<h1>Đặt lịch khám</h1><h2>Ở đâu?</h2>
<form method="post" action="/x"><label for="q">Tên</label><p id="q-hint">Có dấu hoặc không</p>
<input id="q" name="q" aria-describedby="q-hint"><button>Tìm</button></form>
<p><a href="#q">Về ô tìm</a> <img src="/mark.svg" alt=""></p>
</body></html>"""


def test_a_good_page_has_no_fault() -> None:
    assert faults(GOOD) == ()


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("<!doctype html>", "", "Expected DOCTYPE"),
        ("</form>", "", "end tag"),
        ("<p id=", "</p><p id=", "Unexpected"),
        ("<h2>Ở đâu?</h2>", "<h2>Ở đâu?</h3>", "end tag"),
        ('<form method="post" action="/x">', '<form method="post" action="/x" action="/y">', "duplicate"),
        ('lang="vi"', "", "language"),
        ("<title>Hẹn Khám</title>", "<title> </title>", "no title"),
        ('id="q-hint"', 'id="q"', "2 elements have the id 'q'"),
        ('aria-describedby="q-hint"', 'aria-describedby="hint"', "points to 'hint'"),
        ('href="#q"', 'href="#nowhere"', "points to 'nowhere'"),
        ('<label for="q">Tên</label>', "", "has no label"),
        ('<label for="q">Tên</label>', '<label for="q"> </label>', "has no label"),
        ("<button>Tìm</button>", '<button><span hidden=""></span></button>', "says nothing"),
        ("Về ô tìm", '<img src="/mark.svg" alt="">', "says nothing"),
        (' alt=""', "", "no alternative"),
        ("<h2>Ở đâu?</h2>", "<h3>Ở đâu?</h3>", "a heading of level 3 after one of level 1"),
        ("<h2>Ở đâu?</h2>", "<h1>Ở đâu?</h1>", "2 headings of the first level"),
        ('<form method="post"', '<form style="color: red" method="post"', "carries style"),
        ("</body>", "<script>alert(1)</script></body>", "carries script"),
        ("<button>", '<button tabindex="3">', "jumps the queue"),
        ("<button>", '<button onclick="x()">', "carries onclick"),
        ("</form>", '<input type="hidden" name="x" autocomplete="off"></form>', "nothing completes it"),
        ("</form>", "<fieldset></fieldset></form>", "no legend"),
    ],
)
def test_one_fault_is_seen(good: str, bad: str, said: str) -> None:
    assert good in GOOD
    assert faults(GOOD) == ()  # its shape is known from now on
    found = faults(GOOD.replace(good, bad))
    assert any(said.lower() in fault.lower() for fault in found), found


@pytest.mark.anyio
async def test_a_broken_page_fails_the_test_that_fetched_it() -> None:
    """The control of the hook: the same page, once whole and once broken."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = GOOD if request.url.path == "/good" else GOOD.replace("</h2>", "</h3>")
        return httpx.Response(200, headers={"Content-Type": "text/html; charset=utf-8"}, text=body)

    hooks = {"response": [judged]}
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), event_hooks=hooks) as client:
        assert (await client.get("http://henkham.test/good")).status_code == 200
        with pytest.raises(AssertionError, match="/bad"):
            await client.get("http://henkham.test/bad")

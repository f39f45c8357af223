"""Every template is on a walk in every kind it owes, and what a template need not show is no lie. No browser here."""

import pytest

from booking.web.pages import FOLDER
from tests.browser import kinds
from tests.browser.kinds import DATA, EMPTY, ERROR
from tests.browser.walks import Walk, all_walks

OWED = {(template, kind) for template in kinds.pages() for kind in kinds.owed(template)}


def shown(walks: list[Walk]) -> set[tuple[str, str]]:
    return {pair for walk in walks for pair in walk.shows}


def source(template: str) -> str:
    return (FOLDER / template).read_text("utf-8")


def test_every_template_is_shown_in_every_kind_it_owes() -> None:
    assert sorted(OWED - shown(all_walks())) == []


def test_no_walk_shows_what_is_no_page_or_no_kind() -> None:
    found = shown(all_walks())
    assert {template for template, _ in found} == kinds.pages()
    assert {kind for _, kind in found} <= kinds.KINDS


def test_a_template_that_no_walk_knows_is_missed() -> None:
    """The control: without one of the walks, what only it shows is missing."""
    assert OWED - shown([walk for walk in all_walks() if walk.name != "people"]) >= {
        ("people_edit.html", ERROR),
        ("people.html", EMPTY),
        ("my_data.html", DATA),
    }


def test_excuses_name_templates_there_are_and_leave_something_to_show() -> None:
    for (kind, _), names in kinds.EXCUSED.items():
        assert kind in kinds.KINDS
        assert {f"{name}.html" for name in names.split()} <= kinds.pages()
    assert all(kinds.owed(template) for template in kinds.pages())


def test_nobody_is_excused_from_what_the_template_shows() -> None:
    assert {name for name in kinds.pages() if not kinds.provable(source(name)) <= kinds.owed(name)} == set()


def test_who_is_excused_for_asking_nothing_has_nothing_to_send() -> None:
    names = next(names for (_, reason), names in kinds.EXCUSED.items() if reason.startswith("asks for nothing"))
    assert [name for name in names.split() if 'method="post"' in source(f"{name}.html")] == []


@pytest.mark.parametrize(
    ("text", "proved"),
    [
        ("{% for one in rows %}{{ one }}{% endfor %}", set()),
        ("{% for one in rows %}{{ one }}{% else %}none{% endfor %}", {EMPTY}),
        ("{% if rows %}{% for one in rows|sort %}{{ one }}{% endfor %}{% else %}none{% endif %}", {EMPTY}),
        ("{% for one in found.rows() %}{{ one }}{% endfor %}{% if not found.rows() %}none{% endif %}", {EMPTY}),
        ("{% if rows %}{% for one in rows %}{{ one }}{% endfor %}{% endif %}", set()),
        ("{% if flag %}a{% else %}b{% endif %}", set()),
        ("{% if missing %}{{ _('Error:') }}{% endif %}", {ERROR}),
        ("{{ typed.errors }}", {ERROR}),
        ("{{ parts.summary('x', []) }}", {ERROR}),
    ],
)
def test_the_reader_of_templates_reads(text: str, proved: set[str]) -> None:
    assert kinds.provable(text) == proved

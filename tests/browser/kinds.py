"""The kinds in which every template is looked at: with data, empty, with an error.

    data   something is there: rows, a visit, a form with something in it
    empty  nothing is there yet: no rows, a form before anything is typed
    error  what was typed or pressed was refused, and the page says so

A template owes all three. What it cannot show stands in EXCUSED, under its reason; a walk must show the rest. An excuse
that lies is refused by `provable`, which reads the template: one that says "Error:" owes an error, and one that says
something of its own where a list it shows has no rows owes an empty page.
"""

from collections.abc import Iterator
from functools import cache

from jinja2 import nodes
from playwright.sync_api import Page

from booking.i18n import translate
from booking.web.pages import FOLDER, environment

DATA, EMPTY, ERROR = "data", "empty", "error"
KINDS = frozenset({DATA, EMPTY, ERROR})

EXCUSED: dict[tuple[str, str], str] = {
    (DATA, "is a form alone: what was typed is shown again only beside what is wrong with it"): """
        desk_authenticator desk_calendar_end desk_calendar_mark desk_code desk_password desk_sign_in people_agree
        people_agree_code people_new sign_in sign_in_birth sign_in_code desk_book
    """,
    (ERROR, "asks for nothing, so nothing can be refused"): """
        days desk_appointment desk_book desk_calendar_day desk_calendar_entries desk_calendar_inside
        desk_calendar_month desk_calendar_off desk_calendar_weekly desk_closings desk_first_password desk_home
        desk_feed desk_feeds desk_lost desk_outgoing desk_queue_paper desk_sheet desk_sheet_copy desk_slip desk_staff
        desk_requests display docs
        error_code facility find_emergency find_near find_results find_service find_services help home inbox invitation
        invitation_told
        party people sign_in_help
    """,
    (
        ERROR,
        "has buttons and choices alone: what cannot be done is said on error.html or on the next page",
    ): """
        cancel confirming desk_account desk_closing desk_closing_preview desk_displays desk_due
        desk_messages_channel desk_queue_ticket desk_room desk_series desk_series_dates desk_series_one
        desk_shown_file desk_training me
        my_data my_data_delete my_data_person not_me offer on_the_day people_remove reminders saved sessions
        sign_in_new_number ticket wait_entry
    """,
    (ERROR, "is itself what an error leads to"): "error lapsed offer_over",
    (EMPTY, "is of one thing, which is there or the answer is 404"): """
        cancel check confirming desk_account desk_calendar_one_day desk_cancel desk_closing
        desk_closing_preview desk_feed_file desk_first_password desk_message desk_messages_channel desk_move desk_number
        desk_queue_paper desk_queue_ticket desk_record desk_request
        desk_series_one desk_slip error error_code invitation invitation_told lapsed not_me offer offer_over
        on_the_day party
        people_edit people_remove reminders sessions sign_in_new_number ticket
    """,
    (EMPTY, "says the same to everybody"): "desk_lost docs find_emergency",
    (EMPTY, "lists at least who reads it"): "desk_staff",
}
"""What a template need not show: the kind and the reason, then its names without `.html`."""


def excused(kind: str) -> set[str]:
    """The templates that need not show this kind."""
    return {f"{name}.html" for (each, _), names in EXCUSED.items() if each == kind for name in names.split()}


def owed(template: str) -> frozenset[str]:
    """The kinds in which walks must show this template."""
    return frozenset(kind for kind in KINDS if template not in excused(kind))


@cache
def pages() -> frozenset[str]:
    """Every template that is a page; the others are parts of pages."""
    return frozenset(path.name for path in FOLDER.glob("*.html") if "{% extends" in path.read_text("utf-8"))


def provable(source: str) -> set[str]:
    """The kinds which a template's own text shows that it has; a page with neither error nor list shows data."""
    tree = environment("en").parse(source)
    found = set()
    if any(_says_error(tree)):
        found.add(ERROR)
    if any(_says_empty(tree)):
        found.add(EMPTY)
    return found


def _says_error(tree: nodes.Template) -> Iterator[bool]:
    yield any(node.value == "Error:" for node in tree.find_all(nodes.Const))
    yield any(node.name in ("error", "errors") for node in tree.find_all(nodes.Name))
    yield any(node.attr in ("error", "errors") for node in tree.find_all(nodes.Getattr))
    yield any(
        isinstance(call.node, nodes.Getattr) and call.node.attr == "summary" for call in tree.find_all(nodes.Call)
    )


def _says_empty(tree: nodes.Template) -> Iterator[bool]:
    """Something stands there for a list without rows: `{% for %}…{% else %}`, or `{% if rows %}…{% else %}`."""
    loops = list(tree.find_all(nodes.For))
    yield any(loop.else_ for loop in loops)
    lists = [_rows(loop.iter) for loop in loops]
    for choice in tree.find_all(nodes.If):
        denied = isinstance(choice.test, nodes.Not)
        rows = _rows(choice.test.node if isinstance(choice.test, nodes.Not) else choice.test)
        yield rows in lists and bool(denied or choice.else_ or choice.elif_)


def _rows(expression: nodes.Node) -> nodes.Node:
    """The list behind `rows|sort`, `rows.items()` and `rows|list`."""
    while isinstance(expression, nodes.Filter | nodes.Call):
        inner = expression.node
        if isinstance(expression, nodes.Call) and isinstance(inner, nodes.Getattr):
            inner = inner.node
        if inner is None:
            break
        expression = inner
    return expression


def says_error(page: Page) -> bool:
    """Whether the page tells of an error: at the head of its title, in a summary, or beside a field."""
    titles = tuple(translate(language, "Error:") for language in ("vi", "en"))
    return page.title().startswith(titles) or page.locator("#summary:visible, .wrong:visible").count() > 0

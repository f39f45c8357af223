"""Reading our pages as a browser without scripts does: links, forms, what is said beside a field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

_EMPTY = frozenset({"input", "meta", "link", "img", "br", "path", "hr"})


@dataclass
class Form:
    """A form: where it goes, its fields with their values, and the values its radio buttons and boxes offer."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Page:
    """What a reader gets out of a page."""

    text: str = ""
    title: str = ""
    language: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    by_id: dict[str, str] = field(default_factory=dict)
    described: dict[str, str] = field(default_factory=dict)

    def form(self, part: str) -> Form:
        """The first form whose action contains `part`."""
        return next(form for form in self.forms if part in form.action)

    def link(self, part: str) -> str:
        """The first link whose address contains `part`."""
        return next(href for href, _ in self.links if part in href)

    def beside(self, name: str) -> str:
        """What is said beside a field: its hint and its error."""
        return " ".join(self.by_id.get(one, "") for one in self.described.get(name, "").split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[tuple[str, str | None]] = []
        self._in_title = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        page = self.page
        if tag == "html":
            page.language = given["lang"]
        elif tag == "title":
            self._in_title = True
        elif tag == "a":
            page.links.append((given.get("href", ""), ""))
        elif tag == "form":
            page.forms.append(Form(given["action"], given.get("method", "get")))
        elif tag == "input":
            self._input(given)
        elif tag == "select":
            self._select = given["name"]
            page.described[given["name"]] = given.get("aria-describedby", "")
        elif tag == "option" and self._select:
            form = page.forms[-1]
            form.choices.setdefault(self._select, []).append(given["value"])
            if "selected" in given or self._select not in form.fields:
                form.fields[self._select] = given["value"]
        if tag not in _EMPTY:
            self._open.append((tag, given.get("id")))

    def _input(self, given: Mapping[str, str]) -> None:
        form = self.page.forms[-1]
        name = given["name"]
        if given.get("type") == "radio":
            form.choices.setdefault(name, []).append(given["value"])
            if "checked" not in given:
                return
        elif given.get("type") == "checkbox":
            form.choices.setdefault(name, []).append(given["value"])
            if "checked" not in given:  # a box that is not ticked is not sent
                return
        form.fields[name] = given.get("value", "")
        form.repeated.setdefault(name, []).append(form.fields[name])
        if "aria-describedby" in given:
            self.page.described[name] = given["aria-describedby"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"
        self._select = "" if tag == "select" else self._select
        if any(found == tag for found, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if not words:
            return
        if self._in_title:
            self.page.title = f"{self.page.title} {words}".strip()
            return
        self.page.text += f" {words}"
        for tag, mark in self._open:
            if mark:
                self.page.by_id[mark] = f"{self.page.by_id.get(mark, '')} {words}".strip()
            if tag == "a" and self.page.links:
                href, said = self.page.links[-1]
                self.page.links[-1] = (href, f"{said} {words}".strip())


def read(answer: httpx.Response | str) -> Page:
    """The page of an answer."""
    reader = _Reader()
    reader.feed(answer if isinstance(answer, str) else answer.text)
    reader.close()
    return reader.page


async def send(client: httpx.AsyncClient, form: Form, **filled: str | list[str]) -> httpx.Response:
    """Send a form as a browser does, with what was filled in; redirects are followed."""
    several = {name: values for name, values in form.repeated.items() if len(values) > 1}
    return await client.post(form.action, data={**form.fields, **several, **filled}, follow_redirects=True)

"""Every text of the product has its Vietnamese: complete, certain, with the same places to fill, and nothing left over.

The texts are found as translators' tools find them (Babel's extraction) over all of booking/ and its templates.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2.ext
import pytest
from babel.messages import Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from booking import i18n

ROOT = Path(i18n.__file__).parent
TEMPLATES = ROOT / "web" / "templates"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None, "translate": (2,), "plural": (2, 3)}
_PLACE = re.compile(r"%\((\w+)\)s")
_FORBIDDEN = re.compile(r"quý khách|thao tác|vui lòng|đã xảy ra lỗi", re.IGNORECASE)

Text = str | tuple[str, ...]


def _one(found: object) -> Text:
    parts = [part for part in found if part] if isinstance(found, (tuple, list)) else [found]
    texts = tuple(str(part) for part in parts)
    return texts[0] if len(texts) == 1 else texts


def in_code(path: Path) -> Iterator[Text]:
    """The texts of a Python file."""
    for _, found, _, _ in extract_from_file("python", str(path), keywords=KEYWORDS):
        yield _one(found)


def in_template(path: Path) -> Iterator[Text]:
    """The texts of a template."""
    with path.open("rb") as file:
        for _, function, found, _ in jinja2.ext.babel_extract(file, ("_", "gettext", "ngettext"), (), {}):
            parts = [part for part in found if part] if isinstance(found, tuple) else [found]
            yield tuple(map(str, parts)) if function == "ngettext" else str(parts[0])


def used() -> dict[Text, str]:
    """Every text, with a file it stands in."""
    found: dict[Text, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        found |= dict.fromkeys(in_code(path), str(path.relative_to(ROOT)))
    for path in sorted(TEMPLATES.rglob("*.html")):
        found |= dict.fromkeys(in_template(path), str(path.relative_to(ROOT)))
    return found


def translated() -> list[tuple[Path, Message]]:
    """Every entry of every .po file."""
    entries = []
    for path in sorted((i18n.FOLDER / "vi").glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale="vi", abort_invalid=True)
        assert not catalogue.obsolete, f"{path.name} holds obsolete texts"
        entries += [(path, entry) for entry in catalogue if entry.id]
    return entries


def texts_of(entry: Message) -> Text:
    """The English of an entry, in the form of `used`."""
    return tuple(map(str, entry.id)) if isinstance(entry.id, (tuple, list)) else str(entry.id)


def forms_of(entry: Message) -> tuple[str, ...]:
    """The Vietnamese of an entry: one form, because nouns have no plural."""
    forms = entry.string if isinstance(entry.string, (tuple, list)) else (entry.string,)
    return tuple(form or "" for form in forms)


def test_every_text_has_its_vietnamese() -> None:
    known = {texts_of(entry) for _, entry in translated()}
    missing = {text: place for text, place in used().items() if text not in known}
    assert not missing


def test_there_is_no_vietnamese_for_a_text_that_is_gone() -> None:
    wanted = used()
    left = [f"{path.name}: {texts_of(entry)}" for path, entry in translated() if texts_of(entry) not in wanted]
    assert not left


def test_no_text_is_translated_twice() -> None:
    ids = [texts_of(entry) for _, entry in translated()]
    assert len(ids) == len(set(ids))


def test_nothing_is_empty_or_uncertain() -> None:
    for path, entry in translated():
        forms = forms_of(entry)
        assert not entry.fuzzy, f"{path.name}: {entry.id}"
        assert all(form.strip() for form in forms), f"{path.name}: {entry.id}"


def test_places_to_fill_are_the_same() -> None:
    for path, entry in translated():
        forms = forms_of(entry)
        english = texts_of(entry)
        wanted = set(_PLACE.findall(english if isinstance(english, str) else english[-1]))
        for form in forms:
            assert set(_PLACE.findall(form)) == wanted, f"{path.name}: {entry.id}"
            assert "%" not in _PLACE.sub("", form).replace("%%", ""), f"{path.name}: {entry.id}"


def test_the_voice_is_a_clerks() -> None:
    """The voice of the product: never officialese, never a machine's phrase."""
    for path, entry in translated():
        assert not _FORBIDDEN.search(str(entry.string)), f"{path.name}: {entry.string}"


def test_templates_hold_no_text_outside_translation() -> None:
    """Whatever stands between tags is a call, a name of ours, or a sign."""
    ours = {"Hẹn Khám", "English", "Tiếng Việt"}
    for path in sorted(TEMPLATES.rglob("*.html")):
        if path.name == "docs.html":  # shows the API's own English, and says so in its lang attribute
            continue
        source = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", " ", path.read_text("utf-8"), flags=re.DOTALL)
        words = re.sub(r"""<[^>]*>|[\w-]+="[^"]*\"""", "\n", source)
        left = {line.strip() for line in words.splitlines() if re.search(r"[^\W\d_]{2,}", line)} - ours
        assert not {line for line in left if line.strip(" ·") not in ours}, path.name


@pytest.mark.parametrize(
    ("source", "expected"),
    [('{{ _("One") }}', ["One"]), ('{{ ngettext("%(num)s a", "%(num)s b", 2) }}', [("%(num)s a", "%(num)s b")])],
)
def test_the_extraction_sees_templates(tmp_path: Path, source: str, expected: list[Text]) -> None:
    """The control: a new text in a template is found, so the tests above would miss it."""
    path = tmp_path / "new.html"
    path.write_text(source, "utf-8")
    assert list(in_template(path)) == expected


def test_the_extraction_sees_code(tmp_path: Path) -> None:
    path = tmp_path / "new.py"
    path.write_text('a = _("One")\nb = marked("Two")\nc = translate(x, "Three")\nd = plural(x, "1", "n", 2)\n', "utf-8")
    assert list(in_code(path)) == ["One", "Two", "Three", ("1", "n")]


def test_what_pages_say_is_what_babel_reads() -> None:
    """The product reads its .po files itself; whoever edits them uses tools that read them as Babel does."""
    told: dict[str, str] = {}
    for _, entry in translated():
        english = entry.id if isinstance(entry.id, (tuple, list)) else (entry.id,)
        told |= dict.fromkeys(map(str, english), forms_of(entry)[0])
    assert i18n.catalogue("vi") == told
    assert len(told) > 1000

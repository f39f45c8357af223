"""How a .po file is read: as translators' tools write it; a line that is none is not passed over."""

import io

import pytest
from babel.messages.pofile import read_po as babel_reads

from booking.i18n import read_po

SAMPLE = r"""# A comment of the translator.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=1; plural=0;\n"

#: booking/web/pages.py:3
msgid "Say \"yes\"\n"
msgstr "Nói \"có\"\n"

#, python-format
msgid "%(number)s place"
msgid_plural "%(number)s places"
msgstr[0] "%(number)s chỗ, \\ \t gạch"
msgid ""
"A text over "
"two lines"
msgstr ""
"Một câu trên "
"hai dòng"

#, fuzzy
msgid "Perhaps"
msgstr "Có lẽ"
# no empty line between them
msgid "Not translated"
msgstr ""
#~ msgid "Gone"
#~ msgstr "Đã bỏ"
msgid "The last"
msgstr "Cuối cùng"
"""


def test_every_form_is_read_and_what_is_uncertain_is_left_out() -> None:
    _, *entries = read_po(SAMPLE)
    assert entries == [
        {"msgid": 'Say "yes"\n', "msgstr": 'Nói "có"\n'},
        {
            "msgid": "%(number)s place",
            "msgid_plural": "%(number)s places",
            "msgstr[0]": "%(number)s chỗ, \\ \t gạch",
        },
        {"msgid": "A text over two lines", "msgstr": "Một câu trên hai dòng"},
        {"msgid": "Not translated", "msgstr": ""},
        {"msgid": "The last", "msgstr": "Cuối cùng"},
    ]


def test_babel_reads_the_same() -> None:
    """The control of the above: it is a .po file, and these are its texts."""
    judged = [entry for entry in babel_reads(io.BytesIO(SAMPLE.encode()), locale="vi") if entry.id and not entry.fuzzy]
    told = [(entry["msgid"], entry.get("msgstr", entry.get("msgstr[0]"))) for entry in list(read_po(SAMPLE))[1:]]
    assert told == [(_first(entry.id), _first(entry.string)) for entry in judged]


def _first(forms: str | list[str] | tuple[str, ...] | None) -> str | None:
    return forms[0] if isinstance(forms, (tuple, list)) else forms


@pytest.mark.parametrize("line", ['msgid "open', "msgid plain", 'msgctxt "menu"', 'msgstr "a" b'])
def test_a_line_that_is_none_is_told(line: str) -> None:
    with pytest.raises(ValueError, match=r"no line of a \.po file"):
        list(read_po(line))


def test_an_empty_file_has_no_texts() -> None:
    assert list(read_po("\n# nothing\n")) == []

"""What plain words lead to, with the table of the repository and with small ones."""

import re
import tomllib
import unicodedata
from importlib import resources

import pytest

from booking.directory.commands import AddWord
from booking.directory.kinds import Paper, WordKind
from booking.directory.rules import LONGEST_PHRASE, Understood, Word, bare, names, phrase, understand
from booking.directory.seed_words import plain_words

TABLE = [Word(kind, phrase(words), target) for kind, words, target in plain_words().rows()]
SEED = resources.files("booking.directory") / "seed"


def asked(text: str) -> Understood:
    return understand(text, TABLE)


@pytest.mark.parametrize(
    "text",
    [
        "bé bị co giật sốt cao",
        "be bi co giat sot cao",
        "BÉ CO GIẬT!!!",
        "đau ngực",
        "dau nguc, kho tho",
        "Đau... ngực",
        "mẹ tôi khó thở từ sáng, đặt lịch khám tim mạch",
        "khó thỡ",  # hỏi for ngã, as the South writes
        "kho thơ",  # half of the accents
        unicodedata.normalize("NFD", "khó thở"),
        "\u200bkhó\u200b thở",
        "ｋｈｏ ｔｈｏ",
        "ðau ngực",  # the look-alike that old keyboards leave
        "tiêm cho bé mà bé bất tỉnh",
        "trạm y tế phường 5 cấp cứu",
        "my father has chest pain",
        "she can't breathe",
    ],
)
def test_words_of_an_emergency_are_found_whatever_else_is_said(text: str) -> None:
    assert asked(text).emergency


@pytest.mark.parametrize(
    "text",
    [
        "y học cổ truyền", "y hoc co truyen", "khám sức khỏe học sinh", "sốt", "sốt cao", "đau bụng", "bé ói", "be oi",
        "co giãn", "cogiat", "đau lưng ngực tay", "Thắng Nhất", "thang nhat", "giặt đồ", "phường 11",
        "đau đầu", "nhổ răng", "khám ngực phụ nữ", "co", "giat", "khó", "chest", "115a",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_emergency_is_none(text: str) -> None:
    assert asked(text).emergency == ()


def test_without_its_row_an_emergency_is_not_found() -> None:
    """The control: it is the table that finds it, so removing the last phrase would hide it."""
    left = [word for word in TABLE if word.kind is not WordKind.EMERGENCY]
    assert understand("bé bị co giật sốt cao", left).emergency == ()


def test_no_name_of_ours_is_an_emergency() -> None:
    """With any accents or none: whoever types the name of a place or a service is not sent to 115."""
    ours = (SEED / "facilities.csv").read_text("utf-8").replace(",", "\n").splitlines()
    services = tomllib.loads((SEED / "services.toml").read_text("utf-8"))
    for kind in ("hospital", "medical_centre", "health_station"):
        for each in services[kind]:
            ours += [each["name"], each["name_en"], *each.get("department", {}).values()]
    for name in ours:
        for typed in (name, bare(name)):
            assert asked(typed).emergency == (), typed


LEADS = {
    "sốt": ("kham-tong-quat", "kham-nhi", "kham-noi-tong-quat"),
    "sot": ("kham-tong-quat", "kham-nhi", "kham-noi-tong-quat"),
    "bé sốt": ("kham-nhi", "kham-tong-quat", "kham-noi-tong-quat"),
    "đau bụng": ("kham-tong-quat", "kham-noi-tong-quat", "kham-nhi"),
    "tiêm cho bé": ("tiem-chung-tre-em",),
    "chích ngừa": ("tiem-chung-tre-em",),
    "khám thai": ("kham-thai", "kham-san-phu-khoa"),
    "đau răng": ("kham-rang-ham-mat",),
    "toothache": ("kham-rang-ham-mat",),
    "khoẻ": (),
    "khám sức khoẻ": ("kham-tong-quat", "kham-noi-tong-quat"),  # the new place of the tone
    "sốt ruột": (),
    "sot ruot": (),
    "sốtt": (),
    "mặt": (),
    "mắt": ("kham-mat",),
}


@pytest.mark.parametrize(("text", "codes"), LEADS.items(), ids=list(LEADS))
def test_plain_words_suggest_services(text: str, codes: tuple[str, ...]) -> None:
    assert asked(text).services == codes


def test_a_word_is_never_found_in_parts_and_an_accent_must_be_one_it_has() -> None:
    table = [Word(WordKind.SERVICE, "ho", "a"), Word(WordKind.SERVICE, "hóc", "b")]
    assert understand("ho", table).services == ("a",)
    for other in ("hồ", "hoa", "tho", "ho-c-x", "học"):
        assert "b" not in understand(other, table).services, other
        assert understand(other, table).services == (("a",) if other == "ho-c-x" else ()), other


def test_of_phrases_that_overlap_the_longest_counts() -> None:
    table = [Word(WordKind.SERVICE, "sốt", "a"), Word(WordKind.SERVICE, "sốt xuất huyết", "b")]
    assert understand("sốt xuất huyết", table).services == ("b",)
    assert understand("sốt xuất", table).services == ("a",)
    assert understand("sốt, sốt xuất huyết, sốt", table).services == ("a", "b")


def test_a_phrase_entered_without_accents_stands_for_what_has_them() -> None:
    assert understand("đau bụng", [Word(WordKind.SERVICE, "dau bung", "a")]).services == ("a",)


@pytest.mark.parametrize(
    "text", ["giấy chuyển tuyến", "phiếu chuyển", "giay chuyen tuyen", "phiếu chuyển cơ sở khám chữa bệnh"]
)
def test_the_old_and_the_new_word_find_the_same_paper(text: str) -> None:
    assert asked(text).papers == (Paper.REFERRAL,)
    assert asked("giấy hẹn tái khám").papers == asked("phiếu hẹn khám lại").papers == (Paper.REEXAM_SLIP,)


def test_another_word_for_the_same_goes_on_as_that() -> None:
    for text in ("tái khám", "tai kham", "khám lại"):
        assert asked(text).text == "kham lai", text
    assert asked("tái khám tiểu đường").services[0] == "tai-kham-dai-thao-duong"


def test_what_is_left_may_name_a_place() -> None:
    assert asked("tiêm cho bé ở phường 5").rest == "phuong 5"
    assert asked("khám thai ở Thắng Tam").rest == "thang tam"
    assert asked("đau bụng").rest == ""


def test_every_word_of_the_repository_may_be_entered_and_leads_to_what_there_is() -> None:
    services = tomllib.loads((SEED / "services.toml").read_text("utf-8"))
    codes = {each["code"] for kind in ("hospital", "medical_centre", "health_station") for each in services[kind]}
    rows = plain_words().rows()
    assert len(rows) == len({(kind, phrase(words), target) for kind, words, target in rows})
    for kind, words, target in rows:
        assert AddWord(kind=kind, phrase=words, target=target).phrase == phrase(words)
        assert len(words) <= LONGEST_PHRASE
        assert kind is not WordKind.SERVICE or target in codes, target
    assert {code for kind, _, code in rows if kind is WordKind.SERVICE} == codes, "each service is found by some word"


@pytest.mark.parametrize(
    ("kind", "words", "target"),
    [("service", "x", ""), ("emergency", "x", "kham"), ("paper", "x", "kham"), ("same", "x", "!"),
     ("nothing", "!!", ""), ("emergency", "x" * 61, "")],
)  # fmt: skip
def test_a_row_that_leads_nowhere_is_refused(kind: str, words: str, target: str) -> None:
    with pytest.raises(ValueError, match=r"target|paper|word|60"):
        AddWord(kind=WordKind(kind), phrase=words, target=target)


def test_a_number_is_a_whole_word_and_letters_begin_one() -> None:
    key = bare("Trạm Y tế Phường 12 Phước Thắng TYT-12")
    assert names("phuong 12", key)
    assert names("phu tha", key)
    assert names("tyt 12", key)
    assert not names("phuong 1", key)
    assert not names("huong 12", key)
    assert not names("ph", key)
    assert names("te", key)
    assert names("", key)


def test_the_preparation_of_a_service_is_said_in_both_languages() -> None:
    prepare = tomllib.loads((SEED / "services.toml").read_text("utf-8"))["prepare"]
    assert "nhịn ăn" in prepare["blood_test"]["vi"]
    for each in prepare.values():
        assert set(each) == {"vi", "en"}
        assert re.search(r"[à-ỹđ]", each["vi"])
        assert each["en"].isascii()

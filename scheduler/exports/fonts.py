"""Vietnamese as the fonts before Unicode had it: real letters out of the signs that stood in for them.

TCVN3 (fonts .VnTime, "ABC") has a byte for each letter; capitals with a tone exist only in fonts of capitals, so they
arrive small, which does not matter where text is compared without case. VNI (fonts VNI-Times) writes a vowel and then a
sign for its marks. Both are given as Windows shows their bytes (`NguyÔn`, `Nguyeãn`), so the same tables mend text that
was copied into Unicode unconverted.
"""

import re
import unicodedata
from typing import Final

_TCVN3: Final = dict(
    zip(
        "¡¢£¤¥¦§¨©ª«¬\xad®µ¶·¸¹»¼½¾ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞßáâãäåæçèéêëìíîïñòóôõö÷øùúûüýþ",
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        strict=True,
    )
)

_TONES: Final = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_ROUNDED: Final = {"â": "", "á": "\u0301", "à": "\u0300", "å": "\u0309", "ã": "\u0303", "ä": "\u0323"}
"""VNI: signs of a vowel with the circumflex, and the tone each adds."""
_SHORT: Final = {"ê": "", "é": "\u0301", "è": "\u0300", "ú": "\u0309", "ü": "\u0303", "ë": "\u0323"}
"""VNI: likewise of an a with the breve."""
_ALONE: Final = {
    "ô": "ơ", "ö": "ư", "ñ": "đ", "î": "ỵ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "í": "í", "ì": "ì",
    "Ô": "Ơ", "Ö": "Ư", "Ñ": "Đ", "Î": "Ỵ", "Æ": "Ỉ", "Ó": "Ĩ", "Ò": "Ị", "Í": "Í", "Ì": "Ì",
}  # fmt: skip
"""VNI: letters that are one sign."""


def _vni() -> dict[str, str]:
    pairs: dict[str, str] = {}
    for vowel in "aeouyAEOUYôöÔÖ":
        letter = _ALONE.get(vowel, vowel)
        pairs |= {vowel + sign: letter + tone for sign, tone in _TONES.items()}
    for vowel in "aeoAEO":
        pairs |= {vowel + sign: f"{vowel}\u0302{tone}" for sign, tone in _ROUNDED.items()}
    for vowel in "aA":
        pairs |= {vowel + sign: f"{vowel}\u0306{tone}" for sign, tone in _SHORT.items()}
    pairs |= {pair[0] + pair[1].upper(): letter for pair, letter in pairs.items()}
    return {signs: unicodedata.normalize("NFC", letter) for signs, letter in (pairs | _ALONE).items()}


_VNI: Final = _vni()
_VNI_SIGNS: Final = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))
_TCVN3_TABLE: Final = str.maketrans(_TCVN3)


def from_tcvn3(text: str) -> str:
    """Real letters; what is no sign of TCVN3 stays as it is."""
    return text.translate(_TCVN3_TABLE)


def from_vni(text: str) -> str:
    """Real letters; a sign that follows no vowel stays as it is."""
    return _VNI_SIGNS.sub(lambda found: _VNI[found[0]], text)

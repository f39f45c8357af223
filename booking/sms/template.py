"""How a carrier's plain HTTP gateway is spoken to: one TOML file, checked when a process starts.

Its keys are listed in docs/operations.md, which a test compares with what stands here.
"""

import base64
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from booking.settings import Settings, SettingsError
from booking.sms.gateway import Fault
from booking.sms.wording import Place, UnreadableError, fields_of, filled, names_in

OURS: Final = ("to", "to_84", "to_0", "text", "id", "callback", "minutes", "secret", "basic")
"""Values every template may ask for: the number in three spellings (+84…, 84…, 0…), the text, our own id, where
receipts may go, how many minutes it is of use, the secret, and `user:secret` as HTTP's Basic has it."""

FAILED: Final = ("undelivered", "failed")
"""Words of ours for a text that did not arrive."""

_SAMPLE: Final = dict.fromkeys(OURS, "1")
_RULE: Final = re.compile(r"([^=]*)=(.+)", re.DOTALL)


def _rule(text: str) -> str:
    if not _RULE.fullmatch(text):
        raise ValueError("must be PATH=VALUE or PATH=VALUE|VALUE")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Request(_Part):
    """What is posted."""

    url: str = Field(pattern=r"^https?://")
    """With names in braces, such as {to}; they are escaped for an address."""
    method: Literal["POST", "GET"] = "POST"
    kind: Literal["json", "form", "xml", "text"] = "json"
    """What the body is: values are escaped for it, and Content-Type says so unless a header does."""
    body: str = ""
    headers: Mapping[str, str] = {}

    @property
    def place(self) -> Place:
        """Where values of the body stand."""
        return Place(self.kind)


class AnswerRule(_Part):
    """How its answer is understood."""

    kind: Literal["json", "xml", "form", "text"] = "json"
    accepted: Annotated[str, AfterValidator(_rule)]
    """`PATH=VALUE|VALUE`: it was taken where this field has one of these values."""
    sid: str | None = None
    """Path of the carrier's name for it; without one, or where callbacks do not say it, our own id stands for it."""
    code: str | None = None
    """Path of the code of a refusal."""
    faults: Mapping[str, Fault] = {}
    """Code of a refusal → what to do (`Fault`); `*` for any other. Not listed: unknown."""

    @property
    def place(self) -> Place:
        """What it is."""
        return Place(self.kind)

    def takes(self, fields: Mapping[str, str]) -> bool:
        """Whether this answer says that the carrier has the text."""
        found = _RULE.fullmatch(self.accepted)
        return found is not None and fields.get(found[1].strip()) in found[2].split("|")


class ReceiptRule(_Part):
    """How its callbacks are understood: they are posted to `PUBLIC_BASE_URL/api/v1/sms/status`, with our id or not."""

    kind: Literal["json", "form"] = "json"
    secret: str = Field(pattern=r"^(header|field):.+$")
    """`header:NAME` or `field:PATH`, where HENKHAM_BRANDNAME_RECEIPT_SECRET is looked for."""
    id: str | None = None
    """Path of our id, where it is not in the address."""
    sid: str | None = None
    """Path of the carrier's name for it."""
    status: str
    """Path of the word that says what became of it."""
    code: str | None = None
    """Path of the code of a failure."""
    states: Mapping[str, Literal["sent", "delivered", "undelivered", "failed"]]
    """The carrier's word → ours."""
    faults: Mapping[str, Fault] = {}
    """Code of a failure, or without `code` its word of `states` → what to do (`Fault`); `*` for any other."""

    @model_validator(mode="after")
    def _can_be_met(self) -> "ReceiptRule":
        known = {word for word in self.states if self.fails(word)} | {"*"}
        strange = sorted(set(self.faults) - known) if self.code is None else []
        if strange:
            raise ValueError(f"faults.{strange[0]}: `code` is missing, and no word of `states` for a failure is this")
        return self

    def fails(self, word: str) -> bool:
        """Whether a word of the carrier's says that a text did not arrive."""
        return self.states.get(word) in FAILED


class Template(_Part):
    """A carrier, as its TOML file describes it."""

    values: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str] = {}
    """Names of your own for the templates: `sender`, `user`."""
    request: Request
    answer: AnswerRule
    receipt: ReceiptRule | None = None

    @property
    def named_by_us(self) -> bool:
        """Whether a text goes by our own id: where the carrier has no name for it, or its callbacks do not say it.

        A name that only the answer knows would be met in no callback, and after a second post no failure be believed.
        """
        return self.answer.sid is None or (self.receipt is not None and self.receipt.sid is None)

    @model_validator(mode="after")
    def _can_be_filled(self) -> "Template":
        known = {*OURS, *self.values}
        asked = names_in(self.request.url) | names_in(self.request.body)
        asked |= {name for text in self.request.headers.values() for name in names_in(text)}
        if asked - known:
            raise ValueError(f"nobody gives a value for {', '.join(sorted(asked - known))}")
        if not asked & {"to", "to_84", "to_0"} or "text" not in asked:
            raise ValueError("the number or the text is missing: {to}, {to_84} or {to_0}, and {text}")
        if self.request.kind in ("json", "xml") and self.request.body:
            self._read_back()
        return self

    def _read_back(self) -> None:
        """A body that is broken with sample values is broken with all of them."""
        written = filled(self.request.body, _SAMPLE | dict(self.values), self.request.place)
        try:
            fields_of(written, self.request.place)
        except UnreadableError:
            raise ValueError(f"the body is no {self.request.kind}") from None


def spelt(to: str) -> dict[str, str]:
    """A number (E.164, +84) in the spellings carriers ask for."""
    digits = to.removeprefix("+")
    return {"to": to, "to_84": digits, "to_0": "0" + digits.removeprefix("84")}


def basic(user: str, secret: str) -> str:
    """`user:secret` as HTTP's Basic has it."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def load(path: Path) -> Template:
    """A template.

    Raises:
        SettingsError: with one line for each thing to put right; no value is quoted.
    """
    try:
        return Template.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise SettingsError([f"HENKHAM_BRANDNAME_TEMPLATE: {problem.strerror}: {path}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError([f"HENKHAM_BRANDNAME_TEMPLATE: {path} is no TOML"]) from None
    except ValidationError as problem:
        raise SettingsError([f"{path.name}: {_sentence(one)}" for one in problem.errors()]) from None


def of(settings: Settings) -> Template:
    """The template of the settings.

    Raises:
        SettingsError: there is none, it is broken, or it asks for a secret that is not set.
    """
    if settings.brandname_template is None:
        raise SettingsError(["HENKHAM_BRANDNAME_TEMPLATE is missing"])
    template = load(settings.brandname_template)
    texts = [template.request.url, template.request.body, *template.request.headers.values()]
    asks = {name for text in texts for name in names_in(text)} & {"secret", "basic"}
    problems = []
    if asks and settings.brandname_secret is None:
        problems.append("HENKHAM_BRANDNAME_SECRET is missing: the template asks for it")
    if template.receipt is not None and settings.brandname_receipt_secret is None:
        problems.append("HENKHAM_BRANDNAME_RECEIPT_SECRET is missing: callbacks carry it")
    if problems:
        raise SettingsError(problems)
    return template


def _sentence(error: Any) -> str:
    return f"{'.'.join(str(part) for part in error['loc']) or 'the file'}: {error['msg']}"

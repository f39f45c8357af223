"""Reading one value of a form."""

from starlette.datastructures import FormData

_LONGEST = 400


def text_of(form: FormData, name: str, *, longest: int = _LONGEST) -> str:
    """One value of a form, cut to a length no honest value has; empty when it is missing or a file."""
    value = form.get(name, "")
    return value[:longest] if isinstance(value, str) else ""

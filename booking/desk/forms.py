"""Reading the desk's forms."""

from starlette.datastructures import FormData

_LONGEST = 400


def raw_of(form: FormData, name: str, *, longest: int = _LONGEST) -> str:
    """One value exactly as it was typed (a password may begin with a space), cut to a length no honest value has."""
    value = form.get(name, "")
    return value[:longest] if isinstance(value, str) else ""


def all_of(form: FormData, name: str) -> tuple[str, ...]:
    """All values of a name, such as ticked boxes."""
    return tuple(value[:_LONGEST] for value in form.getlist(name) if isinstance(value, str))

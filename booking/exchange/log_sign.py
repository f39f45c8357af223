"""How a hospital's file is named in our logs: not by its name, which may be a patient's."""

from booking import sealed


def log_sign(name: str) -> str:
    """A short keyed hash of a file's name: the same file is the same line of a log, and nobody reads the name there.

    Whoever may see the file finds it the other way round: its report, and its page at the desk, name both.
    """
    readable = name.encode(errors="replace").decode()  # a name on a disk may hold bytes that are no text
    return sealed.keys().index("file-name", readable).hex()[:10]

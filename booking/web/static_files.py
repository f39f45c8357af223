"""Our own files for browsers: read once, named by their content, kept by browsers for a year.

The name changes with the content, so nothing ever has to be asked for again and nothing old is ever shown.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static"
_FOREVER = "public, max-age=31536000, immutable"
_NOT_FOUND = 404

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its address with the content's hash in it, and the content, plain and compressed."""

    path: str
    media_type: str
    body: bytes
    squeezed: bytes


@cache
def files() -> dict[str, StaticFile]:
    """The files by the name templates use, such as `style.css`."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        body = path.read_bytes()
        mark = hashlib.blake2b(body, digest_size=6).hexdigest()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[path.name] = StaticFile(
            f"{PREFIX}/{path.stem}.{mark}{path.suffix}", kind, body, gzip.compress(body, 9, mtime=0)
        )
    return found


@cache
def _by_path() -> dict[str, StaticFile]:
    return {file.path: file for file in files().values()}


def static_url(name: str) -> str:
    """The address of a file; KeyError when there is none: a template names it wrongly."""
    return files()[name].path


@router.get(PREFIX + "/{name}")
async def static_file(request: Request, name: str) -> Response:
    """A file by its full name, hash included."""
    file = _by_path().get(f"{PREFIX}/{name}")
    if file is None:
        raise HTTPException(_NOT_FOUND)
    return _sent(request, file, _FOREVER)


@router.get("/favicon.svg")
async def favicon(request: Request) -> Response:
    """The mark, under the name browsers look for."""
    return _sent(request, files()["mark.svg"], "public, max-age=86400")


@router.get("/favicon.ico")
async def favicon_ico() -> Response:
    """Old browsers ask for this name without being told."""
    return RedirectResponse("/favicon.svg", 308)


@router.get("/robots.txt")
async def robots() -> Response:
    """What search engines may read: the places, never a person's pages."""
    return Response(
        "User-agent: *\nDisallow: /h/\nDisallow: /t/\nDisallow: /api/\nAllow: /\n",
        media_type="text/plain",
        headers={"Cache-Control": "public, max-age=86400"},
    )


def _sent(request: Request, file: StaticFile, caching: str) -> Response:
    headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.squeezed, media_type=file.media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(file.body, media_type=file.media_type, headers=headers)

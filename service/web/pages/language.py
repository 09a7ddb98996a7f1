"""Language: the switch of every page, kept in a cookie."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from service.domain.said import say
from service.web.door import field
from service.web.languages.language import COOKIE, YEAR_S, known
from service.web.pages.sign_in import own_path


def choose(request: Request) -> Response:
    """Remember the language and show the page again. Raises 422 for one that pages do not have.

    It needs no account: the page before signing in has the switch, too, and nothing but a cookie comes of it.
    """
    language = known(field(request, "language"))
    if language is None:
        raise HTTPException(422, say("Pages are not written in that language."))
    answer = RedirectResponse(own_path(field(request, "back", limit=2_000)), status_code=303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, language, max_age=YEAR_S, httponly=True, samesite="lax", secure=secure)
    return answer

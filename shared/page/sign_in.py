"""The pages of signing in: `/sign-in`, `/sign-out` and `/password`, which every service with a page has.

One cookie holds the session for the ports of all services on a host. Each of these pages takes forms of its own origin
alone, so nobody is signed in or out by another site.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.access.passwords import SHORTEST
from shared.access.sessions import SESSION_COOKIE, Session, end_session, form_token
from shared.access.sign_in import RefusedError, choose_password, sign_in
from shared.contracts.bilingual import Bilingual, Language
from shared.http.body import media_type, read_body
from shared.http.dependencies import is_own_origin, is_own_page, refuse_other_pages, runtime_of, service_of
from shared.http.work_slots import WorkSlots
from shared.page.frame import LANGUAGE_COOKIE, Frame, language_of_page
from shared.page.issuer import issuer_router
from shared.page.ways import Next, own_path, see, to_password, to_sign_in, with_session
from shared.texts import phrase

_FORM_LIMIT = 16 * 1024
_LANGUAGE_SECONDS = 365 * 24 * 60 * 60


def sign_in_router(frame: Frame) -> APIRouter:
    """Return the routes of signing in, in the frame of a service."""
    router = APIRouter(include_in_schema=False)
    checking = WorkSlots(at_once=2, limit=60)  # each check of a password takes 20 ms and 19 MiB

    def draw(request: Request, page: str, path: str, trouble: Bilingual | None = None, **words: object) -> Response:
        """Return the page `page`, whose form leads to `path` afterwards, in the language that is asked for."""
        language = _language(request)
        answer = frame.draw(
            request,
            f"{page}.html",
            status=403 if trouble else 200,
            language=language,
            has_form=True,
            trouble=trouble,
            next=path,
            other="vi" if language == "en" else "en",
            **words,
        )
        if "language" in request.query_params:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_LANGUAGE_SECONDS, samesite="lax")
        return answer

    def ask(
        request: Request, path: str, trouble: Bilingual | None = None, *, over: bool = False, name: str = ""
    ) -> Response:
        has_issuer = service_of(request).authenticator.issuer_sign_in is not None
        return draw(request, "sign_in", path, trouble, address="/sign-in", over=over, name=name, has_issuer=has_issuer)

    def ask_for_password(request: Request, path: str, session: Session, trouble: Bilingual | None = None) -> Response:
        form = form_token(request.cookies[SESSION_COOKIE])
        return draw(request, "password", path, trouble, address="/password", session=session, form=form, least=SHORTEST)

    @router.get("/sign-in")
    async def get_sign_in(request: Request, next: Next = "/", over: bool = False) -> Response:  # noqa: A002
        """Ask for name and password; who is signed in already goes on."""
        session = await _session(request)
        if session is None:
            return ask(request, own_path(next), over=over)
        return to_password(own_path(next)) if session.has_first_password else see(own_path(next))

    @router.post("/sign-in")
    async def post_sign_in(request: Request) -> Response:
        """Sign in, and go on to the page that was asked for."""
        form = await _form(request)
        path, name = own_path(form.get("next", "/")), form.get("name", "")
        if not is_own_origin(request):
            return ask(request, path, phrase("access.other_page"))
        try:
            async with checking.taken():
                signed_in = await sign_in(runtime_of(request).engine, name, form.get("password", ""))
        except RefusedError as error:
            return ask(request, path, error.words, name=name)
        onward = to_password(path) if signed_in.has_first_password else see(path)
        return await with_session(onward, request, signed_in.token, is_tls=_is_tls(request))

    @router.post("/sign-out")
    async def post_sign_out(request: Request) -> Response:
        """End the session."""
        if token := request.cookies.get(SESSION_COOKIE):
            refuse_other_pages(request, token)
            await end_session(runtime_of(request).engine, token)
        answer = Response(status_code=204)
        answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=_is_tls(request))
        return answer

    @router.get("/password")
    async def get_password(request: Request, next: Next = "/") -> Response:  # noqa: A002
        """Ask for a new password."""
        session = await _session(request)
        if session is None:
            return to_sign_in("/")
        return ask_for_password(request, own_path(next), session) if session.has_password else see(own_path(next))

    @router.post("/password")
    async def post_password(request: Request) -> Response:
        """Change the password, end the person's other sessions, and go on."""
        session, token = await _session(request), request.cookies.get(SESSION_COOKIE)
        if session is None or token is None:
            return to_sign_in("/", over="true")
        if not session.has_password:
            return see("/")
        form = await _form(request)
        path, new = own_path(form.get("next", "/")), form.get("new", "")
        if not is_own_page(request, token, form.get("form")):
            return ask_for_password(request, path, session, phrase("access.other_page"))
        if new != form.get("again", ""):
            return ask_for_password(request, path, session, phrase("page.passwords_differ"))
        try:
            async with checking.taken():
                begun = await choose_password(runtime_of(request).engine, session.account, form.get("present", ""), new)
        except RefusedError as error:
            return ask_for_password(request, path, session, error.words)
        return await with_session(see(path), request, begun, is_tls=_is_tls(request))

    router.include_router(issuer_router(ask))
    return router


async def _session(request: Request) -> Session | None:
    return await service_of(request).authenticator.session(request.cookies.get(SESSION_COOKIE))


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; the first one of each name, none of what is no form."""
    if media_type(request) != "application/x-www-form-urlencoded":
        return {}
    body = await read_body(request, _FORM_LIMIT)
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _language(request: Request) -> Language:
    asked = request.query_params.get("language")
    if asked == "en":
        return "en"
    return "vi" if asked == "vi" else language_of_page(request)


def _is_tls(request: Request) -> bool:
    """Return whether the browser speaks TLS, to this service or to a proxy before it: its `Origin` tells both."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")

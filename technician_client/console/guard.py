"""Who may speak to the console: this computer's own user, through our own page, and nobody else (security.md section 7).

A web page that the technician happens to visit can send requests to 127.0.0.1 too. Against it stand, in this order:
    Host             must be exactly ours, port included (DNS rebinding)
    Sec-Fetch-Site   where the browser sends it: only our own page, or the address bar
    Origin           demanded on WebSockets and on everything that is not GET or HEAD
    cookie           HttpOnly, SameSite=Strict, named by port, handed out for a token that works once
and headers on every answer (no framing, no foreign script, no storing, no CORS).

The only way to make a console application is `guarded_application`: its middleware comes before every handler, present and
future, and also before "no such page". There is no flag that leaves a handler out; the one exchange that works without a
cookie, the token for the cookie, is done by the guard itself.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

ENTRANCE: Final = "/open"
COOKIES_KEPT: Final = 16

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE"})

_ENTER_PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    '<meta http-equiv="refresh" content="0; url={path}">'
    '<link rel="icon" href="/icons/handrail.svg" type="image/svg+xml"><title>Handrail console</title></head>'
    '<body><p><a href="{path}">Continue to the console</a></p></body></html>'
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotLoopback(ValueError):
    """The console was told to listen where other computers could reach it."""


def demand_loopback(host: str) -> None:
    """Refuse to listen anywhere but on a loopback address.

    Raises:
        NotLoopback: `host` is a name or an address of another kind.
    """
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(f"The console listens only on this computer: use 127.0.0.1, not {host!r}.")


class Guard:
    """Decides over every request and keeps the token and the cookies.

    Args:
        host: loopback address the console listens on.
        port: its port; part of the Host and Origin that are accepted and of the cookie's name.
        token: makes an unguessable string (e.g. `lambda: secrets.token_urlsafe(32)`).
        on_enter: called after a token was used, so that a new one can be offered elsewhere.
    """

    def __init__(self, host: str, port: int, *, token: Callable[[], str], on_enter: Callable[[], None]) -> None:
        demand_loopback(host)
        shown = f"[{host}]" if ":" in host else host
        self._hosts = {f"{shown}:{port}"} | ({shown} if port == 80 else set[str]())
        self.origin = f"http://{shown}" if port == 80 else f"http://{shown}:{port}"
        self.cookie = f"handrail_console_{port}"
        self._make = token
        self._on_enter = on_enter
        self.first_page = "/"  # where the first browser that is let in goes; a path of ours, never anything from outside
        self._token = ""
        self._cookies: list[str] = []
        self._headers = _headers(self.origin)

    def entrance(self) -> str:
        """A new address that lets one browser in once. The one before it stops working."""
        self._token = self._make()
        return f"{self.origin}{ENTRANCE}?token={self._token}"

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The guard itself: refuse, let in, or pass on."""
        complaint = self._complaint(request)
        if complaint is not None:
            return _refused(403, complaint)
        if request.path == ENTRANCE:
            return self._enter(request)
        if not self._has_cookie(request):
            return _refused(401, "This console is locked. Open it through the file that `handrail console` names when it starts.")
        return await handler(request)

    async def on_prepare(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Put the headers on every answer, errors and WebSockets included."""
        response.headers.update(self._headers)
        response.headers.popall("Server", None)

    def _complaint(self, request: web.Request) -> str | None:
        """Why this request cannot come from our own page, or None."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts or not request.raw_path.startswith("/"):
            return f"Use the console's own address, {self.origin}."
        if request.method not in _KNOWN_METHODS:
            return "The console does not know this method."
        upgrade = "upgrade" in request.headers.get("Connection", "").lower() or "Upgrade" in request.headers
        unsafe = upgrade or request.method not in _SAFE_METHODS
        origins = request.headers.getall("Origin", [])
        if unsafe and not origins:
            return "A request that changes something must say where it comes from."
        if request.path != ENTRANCE or unsafe:
            if any(origin != self.origin for origin in origins):
                return "Another page may not use the console."
            site = request.headers.get("Sec-Fetch-Site", "same-origin")
            if site != "same-origin" and not (site == "none" and not unsafe):
                return "Another page may not use the console."
        elif request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate" or request.method != "GET":
            return "The entrance is opened by going there."
        return None

    def _enter(self, request: web.Request) -> web.Response:
        offered = request.query.get("token", "")
        if not self._token or not hmac.compare_digest(offered.encode(), self._token.encode()):
            return _refused(403, "This link has been used already. Open the file that `handrail console` names once more.")
        self._token = ""
        secret = self._make()
        self._cookies = [*self._cookies[-(COOKIES_KEPT - 1) :], secret]
        # Not a redirect: a Strict cookie is not sent along a chain of redirects that began in a file, but it is sent when
        # this page, which is ours, goes on.
        path, self.first_page = self.first_page, "/"
        response = web.Response(text=_ENTER_PAGE.format(path=path), content_type="text/html", charset="utf-8")
        response.set_cookie(self.cookie, secret, path="/", httponly=True, samesite="Strict")
        self._on_enter()
        return response

    def _has_cookie(self, request: web.Request) -> bool:
        offered = request.cookies.get(self.cookie, "").encode()
        matches = [hmac.compare_digest(offered, secret.encode()) for secret in self._cookies]
        return any(matches)


def guarded_application(guard: Guard) -> web.Application:
    """The console's application: everything that will ever be added to it stands behind `guard`."""
    application = web.Application(middlewares=[guard.middleware], client_max_size=64 * 1024)
    application.on_response_prepare.append(guard.on_prepare)
    return application


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n", content_type="text/plain", charset="utf-8")


def _headers(origin: str) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {origin.replace('http', 'ws', 1)}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    nothing = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "hid", "midi", "display-capture")
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in nothing),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }

"""What the page's server lets in: what the page itself asks for, and no more of it."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

_LARGEST = 44 << 20  # Bytes of a request; the page sends pictures of up to 32 MiB.
# What is read: the page, what it is made of, and answers. Gradio would read other files,
# too, and ask other servers.
_READ = re.compile(
    r"/((assets|static|svelte)/.*|config/?|theme\.css|favicon\.ico|manifest\.json"
    r"|gradio_api/(info|queue/(data|status)|heartbeat/.*|startup-events|app_id)/?)?"
)
_SENT = "/gradio_api/queue/join"
_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class Gate:
    """Stands before an ASGI application, as that of a `gradio.Blocks`.

    Args:
      app: the application.
      is_asked: whether the JSON of a request to answer is what the page sends.
    """

    def __init__(self, app: Callable[..., Any], is_asked: Callable[[Any], bool]):
        self._app = app
        self._is_asked = is_asked

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Passes a request on, or answers it by a status of HTTP: 400, 404 or 413."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        is_http = scope["type"] == "http"
        if is_http and scope["method"] in ("GET", "HEAD"):
            if _READ.fullmatch(scope["path"]):
                return await self._app(scope, receive, send)
        elif is_http and scope["method"] == "POST" and scope["path"] == _SENT:
            body = await _body(receive)
            if body is None:
                return await _refuse(send, 413)
            try:
                if not self._is_asked(json.loads(body)):
                    return await _refuse(send, 400)
            except (ValueError, RecursionError):
                return await _refuse(send, 400)
            return await self._app(scope, _again(body, receive), send)
        if is_http:
            return await _refuse(send, 404)
        return await send({"type": "websocket.close"})


async def _body(receive: _Receive) -> bytes | None:
    """Returns what a request holds; None for one that is too large or is broken off."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > _LARGEST:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def _again(body: bytes, receive: _Receive) -> _Receive:
    """Returns what gives a body that was received, and then what comes after it."""
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> _Message:
        return given.pop() if given else await receive()

    return receive_again


async def _refuse(send: _Send, status: int) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})

"""What the page's server lets in: how much of it."""

import asyncio

from trainer.picture import gate


def statuses(*messages):
    """Sends a request to answer, in parts; returns what is answered."""
    parts, sent = list(messages), []

    async def app(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "body": body})

    async def receive():
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join"}
    asyncio.run(gate.Gate(app, lambda body: body == [1])(scope, receive, send))
    return [(m["status"], m.get("body")) for m in sent if "status" in m]


def part(body, more):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_request_in_parts_comes_as_a_whole():
    assert statuses(part(b"[", True), part(b"1]", False)) == [(200, b"[1]")]


def test_a_request_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(gate, "_LARGEST", 4)
    assert statuses(part(b"[1 ", True), part(b"  ", True)) == [(413, None)]


def test_a_request_that_is_broken_off_reaches_nothing():
    assert statuses(part(b"[1]", True), {"type": "http.disconnect"}) == [(413, None)]

"""The live page, served by Bokeh on the loopback address, to whoever knows the token."""

import asyncio
import contextlib
import hmac
import json
import queue
import re
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.util.token import check_token_signature
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.log import access_log
from tornado.netutil import bind_sockets
from tornado.web import RequestHandler

from tf_gd import _checks
from tf_gd.explorer import page
from tf_gd.explorer.answers import Explored
from tf_gd.toy import objectives
from tf_gd.toy.objectives import Objective

_LOOPBACK = "127.0.0.1"
_FILE = re.compile(r"/static/(?:\w[\w-]*/)*\w[\w.-]*")  # of Bokeh's own
_IDLE = 0.3  # seconds without a question, after which programs are compiled ahead


class Server:
    """A page about one function to begin with, served until it is closed.

    Args:
        objective: resolved.
        settings: to begin with, as the page asks for them.
        code: the line of Python that defines ``f``, for a function that is not in the catalogue.
        port: on which to listen; None for any that is free.

    Attributes:
        address: what to open in a browser.

    Raises:
        ValueError: the port is taken.
    """

    def __init__(self, objective: Objective, settings: dict, code: str | None, port: int | None):
        names = [name for name in objectives.names() if objectives.get(name).dim <= 2]
        taken = f"{objective.name} (yours)" if objective.name in names else objective.name
        self._first = taken if code else objective.name
        self._own, self._code = (objective if code else None), code
        listed = [self._first, *names] if code else names
        self._about = {"names": listed, "first": self._first, "settings": settings}
        self._explored: dict[str, Explored] = {}
        self._questions: queue.SimpleQueue = queue.SimpleQueue()
        self._ahead: list[Callable] = []
        self._token = secrets.token_urlsafe(24)
        self._sockets = _listening(port)
        self.port = self._sockets[0].getsockname()[1]
        self.address = f"http://{_LOOPBACK}:{self.port}/?token={self._token}"
        self._ready = threading.Event()
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._serve, name="explorer", daemon=True)
        self._thread.start()
        threading.Thread(target=self._answer, name="explorer answers", daemon=True).start()
        self._ready.wait()
        if self._failed is not None:
            self._questions.put(None)
            raise self._failed

    def _serve(self) -> None:
        try:
            self._serve_until_closed()
        except Exception as error:  # for the thread that waits
            self._failed = error
        finally:
            for one in self._sockets:
                one.close()
            self._ready.set()

    def _serve_until_closed(self) -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        self._loop = IOLoop.current()
        hosts = [f"{name}:{self.port}" for name in (_LOOPBACK, "localhost")]
        secret = secrets.token_bytes(32)
        application = _Guarded(
            {"/": Application(FunctionHandler(self._open))},
            extra_websocket_origins=hosts,
            sign_sessions=True,
            secret_key=secret,
            log_function=_log_what_fails,
        )
        application.guard(hosts, self._token, secret)
        http = HTTPServer(application)
        http.add_sockets(self._sockets)
        server = BaseServer(self._loop, application, http)
        server.start()
        self._loop.add_callback(self._ready.set)
        self._loop.start()
        server.stop(wait=False)
        self._loop.close(all_fds=True)

    def close(self) -> None:
        """Stop serving; the pages that are open say so."""
        self._questions.put(None)
        if self._thread.is_alive():
            self._loop.add_callback(self._loop.stop)
            self._thread.join(5)

    def wait(self) -> None:
        """Wait until Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.2)

    def _open(self, document) -> None:
        """Fill the document of a new page."""
        parts = page.fill(document, self._about, live=True)
        request, reply = parts["request"], parts["reply"]

        def asked(_, __, new) -> None:
            with contextlib.suppress(ValueError, TypeError, LookupError):  # not of our page
                question = json.loads(new["json"][0])
                _checks.whole_number("id", question["id"], minimum=0)
                self._questions.put((question, answered))

        def answered(columns: dict[str, np.ndarray], said: dict[str, Any]) -> None:
            def show() -> None:
                reply.tags = [json.dumps(said)]
                reply.data = columns

            with contextlib.suppress(RuntimeError):  # the page may have been closed
                document.add_next_tick_callback(show)

        request.on_change("data", asked)

    def _answer(self) -> None:
        """Answer the questions of all pages, one after another; compile ahead between them."""
        while True:
            try:
                question = self._questions.get(timeout=_IDLE if self._ahead else None)
            except queue.Empty:
                with contextlib.suppress(Exception):  # who asks for it will hear why it fails
                    self._ahead.pop(0)()
                continue
            if question is None:
                return
            asked, answered = question
            try:
                columns, said = self._answer_to(asked)
            except BaseException as error:  # of the user's function, or of the request
                columns, said = {}, {"error": _message(error)}
            # Bokeh sends data that have changed: the number of the question always has.
            length = len(next(iter(columns.values()))) if columns else 1
            said |= {"id": asked["id"], "columns": list(columns)}
            answered(columns | {"id": np.full(length, asked["id"], "float64")}, said)

    def _answer_to(self, asked: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        kind = _checks.one_of("kind", asked.get("kind"), ("function", "path", "starts", "basins"))
        explored = self._function(_checks.text("name", asked.get("name")))
        if kind == "path":
            return explored.path(asked)
        if kind == "function":
            own = {"import": self._code} if explored.objective is self._own else {}
            return {}, explored.about() | own | {"name": asked["name"]}
        return {}, getattr(explored, kind)(asked)

    def _function(self, name: str) -> Explored:
        if name not in self._explored:
            own = self._own if name == self._first else None
            self._explored[name] = Explored(own or objectives.get(name))
            self._ahead = self._explored[name].compile_all()
        return self._explored[name]


class _Guarded(BokehTornado):
    """Answers requests that come from the page itself, or that know the token."""

    def guard(self, hosts: list[str], token: str, secret: bytes) -> None:
        """Say which hosts this server is, what the address of the page holds, what signs tokens."""
        self._hosts, self._token, self._secret = hosts, token, secret

    def find_handler(self, request, **kwargs):
        if self._allows(request):
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, _Refused)

    def _allows(self, request) -> bool:
        origin = request.headers.get("Origin")
        if request.headers.get_list("Host") not in [[host] for host in self._hosts]:
            return False  # another name that leads here, as with DNS rebinding
        if origin is not None and origin not in [f"http://{host}" for host in self._hosts]:
            return False
        if request.path == "/ws":
            return self._is_of_a_page(request)
        if _FILE.fullmatch(request.path):
            return True
        given = request.query_arguments.get("token", [b""])[-1]
        return request.path == "/" and hmac.compare_digest(given, self._token.encode())

    def _is_of_a_page(self, request) -> bool:
        """Return whether a connection names a session that ``/`` has begun: its token is signed."""
        named = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if len(named) != 2 or named[0].strip() != "bokeh":
            return False
        try:
            return check_token_signature(named[1].strip(), self._secret, signed=True)
        except Exception:  # what is no token at all may raise anything
            return False


def _log_what_fails(handler) -> None:
    if handler.get_status() >= 500:
        access_log.error("%d %s", handler.get_status(), handler.request.path)


class _Refused(RequestHandler):
    def prepare(self):
        self.set_status(403)
        self.set_header("Content-Type", "text/plain")
        self.finish("Refused: open the address, with its token, that tf-gd explore printed.\n")


def _listening(port: int | None) -> list[socket.socket]:
    try:
        return bind_sockets(port or 0, address=_LOOPBACK)
    except OSError as error:
        refused = isinstance(error, PermissionError)
        expected = "that you may listen on, such as 8123" if refused else "that is free"
        advice = "Choose another, or leave it out for any that is free"
        raise ValueError(
            f"port: got {port}, expected one {expected} ({error.strerror}). {advice}."
        ) from error


def _message(error: BaseException) -> str:
    known = isinstance(error, ValueError | TypeError)
    return str(error) if known else _checks.raised(error)

"""The peer terminado: one server, a terminal for each name in the path. Prints its port."""

from __future__ import annotations

import asyncio
import sys

import tornado.httpserver
import tornado.netutil
import tornado.web
from terminado.management import NamedTermManager
from terminado.websocket import TermSocket


async def serve(program: str) -> None:
    terminals = NamedTermManager(shell_command=[program], max_terminals=100)
    app = tornado.web.Application([(r"/(\w+)", TermSocket, {"term_manager": terminals})])
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    tornado.httpserver.HTTPServer(app).add_sockets(sockets)
    sys.stdout.write(f"{sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))

"""Serve a folder on this machine only: ``python tools/serve.py _build/html 8000``."""

import errno
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line of log for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of `folder` on 127.0.0.1; port 0 takes any free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(QuietHandler, directory=str(folder)))


def main() -> None:
    """Serve until interrupted."""
    folder, wanted = sys.argv[1:]
    if not (wanted.isdecimal() and int(wanted) < 2**16):
        sys.exit(f"PORT: expected a number from 0 to 65535, got {wanted}")
    port = int(wanted)
    try:
        book = server(Path(folder), port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"Port {port} is taken. Choose another: make book PORT={port + 1}")
    print(f"The book is at http://127.0.0.1:{book.server_port}/ (Ctrl-C stops)", flush=True)
    try:
        book.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()

"""`python -m benchmarks.bare_server PORT BYTES`: an aiohttp server that answers the same JSON to whatever it is asked."""

import sys

from aiohttp import web


def main() -> None:
    """Serve on loopback until killed."""
    port, size = map(int, sys.argv[1:])
    body = b'{"pad":"' + b"x" * max(0, size - 10) + b'"}'

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/v1/status", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=lambda *_: None, access_log=None)


if __name__ == "__main__":
    main()

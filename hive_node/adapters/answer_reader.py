"""One connection to a peer, as aiohttp reads it, but for what no node sends: preliminary answers, and answers that nobody asked for.

Its client takes any number of them, 10 000 in one turn of the event loop, for as long as a request may take.
"""

from functools import partial
from typing import Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

# What is parsed before it is looked at: some 600 of the shortest answers, or a TLS record.
_PIECE_BYTES: Final = 16 * 1024
_FIRST_FINAL: Final = 200


class AnswerReader(ResponseHandler):
    """Ends the connection with the first answer that is out of turn."""

    def data_received(self, data: bytes) -> None:
        for start in range(0, max(1, len(data)), _PIECE_BYTES):
            if self.exception() is not None:
                return
            super().data_received(data[start : start + _PIECE_BYTES])

    def feed_data(self, data: Any, size: int = 0) -> None:
        message, _body = data
        if message.code < _FIRST_FINAL or len(self):
            self.set_exception(aiohttp.ClientPayloadError("an answer out of turn"))
            self.close()
        else:
            super().feed_data(data, size)


class Connector(aiohttp.TCPConnector):
    """aiohttp's own, whose answers are read like that."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # There is no other place to say so.
        self._factory = cast(Any, partial(AnswerReader, loop=self._loop))

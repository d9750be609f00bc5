"""What the admin API takes and gives of the web page's sessions."""

from typing import Annotated

from pydantic import Field

from hive_node.api.models import Request, Response


class BeginSession(Request):
    """The code of a link, as `hive-node open` made it. It is spent by this."""

    code: Annotated[str, Field(min_length=1, max_length=128)]


class SessionOut(Response):
    """The session's key, which the page sends as X-Hive-Node-Key. Its other half is a cookie that no script reads."""

    key: str
    ends_at: str


class LinkOut(Response):
    """An address for a browser of this user. seconds: until its code is too old."""

    url: str
    seconds: int

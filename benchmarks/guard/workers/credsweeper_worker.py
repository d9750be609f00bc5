"""CredSweeper on each text's lines; its model judges unless the first argument is `plain`."""

import sys
import warnings
from collections.abc import Iterator

warnings.simplefilter("ignore")

from credsweeper.app import CredSweeper  # noqa: E402
from credsweeper.common.constants import ThresholdPreset  # noqa: E402
from credsweeper.file_handler.string_content_provider import StringContentProvider  # noqa: E402
from loop import serve  # noqa: E402

is_plain = sys.argv[1:2] == ["plain"]
del sys.argv[1 : 2 if is_plain else 1]
sweeper = CredSweeper(ml_threshold=0 if is_plain else ThresholdPreset.medium)


def scan(text: str) -> Iterator[tuple[str, int, int]]:
    lines = text.splitlines(keepends=True)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    found = sweeper.file_scan(StringContentProvider([line.rstrip("\r\n") for line in lines]))
    sweeper.credential_manager.set_credentials(found)
    sweeper.post_processing(None)
    for candidate in sweeper.credential_manager.get_credentials():
        for part in candidate.line_data_list:
            offset = offsets[min(part.line_num, len(lines)) - 1]
            if part.value_start >= 0:
                yield "secret", offset + part.value_start, offset + max(part.value_end, part.value_start + 1)
    sweeper.credential_manager.set_credentials([])


serve(scan)

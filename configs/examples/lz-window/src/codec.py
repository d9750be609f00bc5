"""A small LZSS codec with an adaptive arithmetic coder, in plain Python.

A stream is: the content's length (7 bits a byte, low part first), a check value of four bytes, then coded tokens. A
token is a flag, then either one literal byte or a match: a length and a distance back. Every bit has a probability
that learns as it goes. The constants below are part of the format: a stream is read with those it was written with.
"""

from collections.abc import Iterator

# How far back a match may reach, as a power of two and at most 16: 12 is 4095 bytes.
WINDOW_BITS = 12

# The shortest repeat that is worth a match instead of literals.
MIN_MATCH = 3

# Bits for a match's length: the longest match is MIN_MATCH + 2**LENGTH_BITS - 1.
LENGTH_BITS = 4

# Bytes that must be equal before an earlier place is looked at.
KEY_BYTES = 3

# Earlier places looked at for each position, newest first, at least 1.
MAX_CHAIN = 4

# A match shorter than this is put off by one byte where the next position has a longer one; 0 is never.
LAZY_BELOW = 4

# Top bits of the byte before a literal that choose its set of probabilities, at most 8; 0 is one set for all.
CONTEXT_BITS = 0

# How slowly a literal's probabilities learn: each bit moves them by 1 / 2**LITERAL_RATE.
LITERAL_RATE = 5

# The same for flags, lengths and distances.
MATCH_RATE = 5

# Fixed parts of the format.
_HALF = 1 << 15
_TOP = (1 << 32) - 1
_CHECK_PRIME = (1 << 32) - 5


def compress(data: bytes) -> bytes:
    """The stream that `decompress` turns back into `data`."""
    coder = _Encoder()
    model = _Model()
    flags = previous = position = 0
    for length, value in _tokens(data):
        coder.tree(model.flag[flags], 1, length > 0, MATCH_RATE)
        if length:
            extra = length - MIN_MATCH
            coder.tree(model.length, LENGTH_BITS, extra, MATCH_RATE)
            slot = value.bit_length() - 1
            coder.tree(model.slot[min(extra, 3)], 4, slot, MATCH_RATE)
            coder.plain(slot, value)
            position += length
        else:
            coder.tree(model.literal[previous >> (8 - CONTEXT_BITS)], 8, value, LITERAL_RATE)
            position += 1
        previous = data[position - 1]
        flags = (flags << 1 | (length > 0)) & 3
    return _header(data) + coder.finish()


def decompress(stream: bytes) -> bytes:
    """The content of `stream`; ValueError where it is cut short or damaged."""
    size, check, start = _read_header(stream)
    coder = _Decoder(stream, start)
    model = _Model()
    out = bytearray()
    flags = previous = 0
    while len(out) < size:
        is_match = coder.tree(model.flag[flags], 1, MATCH_RATE)
        if is_match:
            extra = coder.tree(model.length, LENGTH_BITS, MATCH_RATE)
            slot = coder.tree(model.slot[min(extra, 3)], 4, MATCH_RATE)
            _copy(out, MIN_MATCH + extra, 1 << slot | coder.plain(slot))
        else:
            out.append(coder.tree(model.literal[previous >> (8 - CONTEXT_BITS)], 8, LITERAL_RATE))
        previous = out[-1]
        flags = (flags << 1 | is_match) & 3
    content = bytes(out)
    if len(content) != size or not coder.is_at_end() or _check(content) != check:
        raise ValueError("damaged stream")
    return content


def _tokens(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield `(length, distance)` for a match and `(0, byte)` for a literal."""
    finder = _Finder(data)
    position, end = 0, len(data)
    length, distance = finder.longest(0)
    while position < end:
        finder.index(position)
        following = None
        if 0 < length < LAZY_BELOW:
            following = finder.longest(position + 1)
            if following[0] > length:
                length = 0
        if length:
            yield length, distance
            for inside in range(position + 1, position + length):
                finder.index(inside)
            position += length
            following = None
        else:
            yield 0, data[position]
            position += 1
        length, distance = following or finder.longest(position)


class _Finder:
    """Where each short string was seen before, newest last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._places: dict[bytes, list[int]] = {}

    def index(self, position: int) -> None:
        self._places.setdefault(self._data[position : position + KEY_BYTES], []).append(position)

    def longest(self, position: int) -> tuple[int, int]:
        """Length and distance of the longest match at `position`; `(0, 0)` where there is none."""
        data = self._data
        limit = min(MIN_MATCH + (1 << LENGTH_BITS) - 1, len(data) - position)
        oldest = position - (1 << WINDOW_BITS)
        best, distance = MIN_MATCH - 1, 0
        wanted = data[position : position + best + 1]
        for place in self._places.get(data[position : position + KEY_BYTES], [])[: -MAX_CHAIN - 1 : -1]:
            if place <= oldest or best >= limit:
                break
            if data[place : place + best + 1] == wanted:
                best += 1
                while best < limit and data[place + best] == data[position + best]:
                    best += 1
                distance = position - place
                wanted = data[position : position + best + 1]
        return (best, distance) if distance else (0, 0)


class _Model:
    """The probabilities that both sides learn alike, each the chance of a one in 65536."""

    def __init__(self) -> None:
        self.flag = [[_HALF] * 2 for _ in range(4)]
        self.literal = [[_HALF] * 256 for _ in range(1 << CONTEXT_BITS)]
        self.length = [_HALF] * (1 << LENGTH_BITS)
        self.slot = [[_HALF] * 16 for _ in range(4)]


class _Encoder:
    """Narrows an interval of 32 bits, and writes its leading bytes once they are settled."""

    def __init__(self) -> None:
        self._low, self._high = 0, _TOP
        self._out = bytearray()

    def tree(self, chances: list[int], width: int, value: int, rate: int) -> None:
        """Write `width` bits of `value`, each under the chance that belongs to the bits before it."""
        low, high, node = self._low, self._high, 1
        for shift in range(width - 1, -1, -1):
            chance = chances[node]
            middle = low + ((high - low) * chance >> 16)
            if value >> shift & 1:
                high = middle
                chances[node] = chance + (65536 - chance >> rate)
                node = node << 1 | 1
            else:
                low = middle + 1
                chances[node] = chance - (chance >> rate)
                node <<= 1
            while low ^ high < 1 << 24:
                self._out.append(low >> 24)
                low, high = low << 8 & _TOP, high << 8 & _TOP | 255
        self._low, self._high = low, high

    def plain(self, width: int, value: int) -> None:
        """Write the low `width` bits of `value` as they are."""
        low, high = self._low, self._high
        for shift in range(width - 1, -1, -1):
            middle = low + (high - low >> 1)
            if value >> shift & 1:
                high = middle
            else:
                low = middle + 1
            while low ^ high < 1 << 24:
                self._out.append(low >> 24)
                low, high = low << 8 & _TOP, high << 8 & _TOP | 255
        self._low, self._high = low, high

    def finish(self) -> bytes:
        return bytes(self._out) + self._low.to_bytes(4, "big")


class _Decoder:
    """Follows `_Encoder` through the same intervals."""

    def __init__(self, stream: bytes, start: int) -> None:
        self._stream, self._next = stream, start + 4
        self._low, self._high = 0, _TOP
        self._code = int.from_bytes(stream[start : start + 4], "big")

    def tree(self, chances: list[int], width: int, rate: int) -> int:
        low, high, code, node = self._low, self._high, self._code, 1
        for _ in range(width):
            chance = chances[node]
            middle = low + ((high - low) * chance >> 16)
            if code <= middle:
                high = middle
                chances[node] = chance + (65536 - chance >> rate)
                node = node << 1 | 1
            else:
                low = middle + 1
                chances[node] = chance - (chance >> rate)
                node <<= 1
            while low ^ high < 1 << 24:
                low, high = low << 8 & _TOP, high << 8 & _TOP | 255
                code = code << 8 & _TOP | self._byte()
        self._low, self._high, self._code = low, high, code
        return node - (1 << width)

    def plain(self, width: int) -> int:
        low, high, code, value = self._low, self._high, self._code, 0
        for _ in range(width):
            middle = low + (high - low >> 1)
            if code <= middle:
                high = middle
                value = value << 1 | 1
            else:
                low = middle + 1
                value <<= 1
            while low ^ high < 1 << 24:
                low, high = low << 8 & _TOP, high << 8 & _TOP | 255
                code = code << 8 & _TOP | self._byte()
        self._low, self._high, self._code = low, high, code
        return value

    def is_at_end(self) -> bool:
        return self._next == len(self._stream)

    def _byte(self) -> int:
        if self._next >= len(self._stream):
            raise ValueError("stream is cut short")
        self._next += 1
        return self._stream[self._next - 1]


def _copy(out: bytearray, length: int, distance: int) -> None:
    """Append `length` bytes from `distance` back; they may overlap what is being written."""
    start = len(out) - distance
    if start < 0:
        raise ValueError("match before the beginning")
    if distance >= length:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // distance + 1))[:length]


def _header(data: bytes) -> bytes:
    size, parts = len(data), bytearray()
    while size > 127:
        parts.append(size & 127 | 128)
        size >>= 7
    parts.append(size)
    return bytes(parts) + _check(data).to_bytes(4, "big")


def _read_header(stream: bytes) -> tuple[int, int, int]:
    """Content length, check value, and where the coded tokens begin."""
    size = at = 0
    while at < min(len(stream), 8) and stream[at] > 127:
        size |= (stream[at] & 127) << 7 * at
        at += 1
    if len(stream) < at + 9:
        raise ValueError("stream is cut short")
    size |= (stream[at] & 127) << 7 * at
    return size, int.from_bytes(stream[at + 1 : at + 5], "big"), at + 5


def _check(data: bytes) -> int:
    """The content as one large number, modulo a prime: no change of a single byte goes unseen."""
    return int.from_bytes(data, "big") % _CHECK_PRIME

"""Every number that bounds what a peer can make us hold or do, each with its reason (docs/protocol.md §3)."""

from typing import Final

# A recipe with 16 edits of 1 KiB and its evidence is about 40 KiB in base64; one bad line must not cost a megabyte.
ENVELOPE_BYTES: Final = 64 * 1024
# Charters hold one certificate of about 500 bytes a member: room for 1 000 members.
CHARTER_BYTES: Final = 1024 * 1024
# 200 entries of an ordinary 4 KiB, with room; read in pieces, never whole.
REQUEST_BYTES: Final = 4 * 1024 * 1024
# One answer stays under a second of verification on a slow core; the asker comes back for more.
ENTRIES_PER_ANSWER: Final = 200
# A have-vector of 1 000 authors is 152 KB. A parser makes a hundred megabytes of 4 MiB of brackets.
HAVE_BYTES: Final = 256 * 1024
# 200 results of 130 bytes are 26 KB: what a peer answers to a push is read no further, for the same reason.
RESULTS_BYTES: Final = 64 * 1024
# Numbers that were withheld before, as ranges: a page of them a request, the rest in the next.
WANTED: Final = 200
# A sync answer's last line: a have-vector of 1 000 authors, as many ranges, and one proof of two full envelopes.
SYNC_TAIL_BYTES: Final = 512 * 1024
# What one answer holds in memory for a peer that reads slowly; the asker comes back for more.
ANSWER_BYTES: Final = 1024 * 1024
# A writer that puts an empty line after each entry; 4 MiB of line ends would be 4 million lines to walk.
BLANK_LINES: Final = 200
# Deepest honest body is 6; a parser's recursion is never a peer's to spend.
JSON_DEPTH: Final = 16
# A charter lists 1 000 members and 10 000 revocations. 1 MiB of empty lists would be 20 MiB in memory.
JSON_CONTAINERS: Final = 16 * 1024
# A have-vector names 1 000 authors. Each name that a schema does not know is a fault of its own, of a kilobyte.
JSON_NAMES: Final = 1024
# A float64 holds integers exactly to here; a larger one is not a count of anything.
INTEGER_MAX: Final = 2**53
# A hive of 8 keeps 7 connections; the rest is room for reconnects and for strangers, who are cut off first.
CONNECTIONS: Final = 32
# A peer's own client keeps up to 4 to one node; twice that, and one member still cannot take every place.
CONNECTIONS_PER_PEER: Final = 8
# Half of a port: one address that opens connections and says nothing never takes the places of all others.
UNPROVEN_PER_SOURCE: Final = 16
# A handshake costs some 3 ms of a core; ten a second that end without a member's certificate are a thirtieth of it. Whoever dials
# before it is known as a member tries a few times.
HANDSHAKES_PER_MINUTE: Final = 600
HANDSHAKES_AT_ONCE: Final = 128
# Who joins asks twice. Anybody may ask the join port, and each question reads the database.
JOIN_REQUESTS_PER_MINUTE: Final = 60
# A LAN peer's headers arrive in milliseconds; a stranger dripping bytes holds a slot this long and no longer.
HEADER_TIMEOUT_S: Final = 10.0
# A whole request, body included: 4 MiB at 1 Mbit/s.
REQUEST_TIMEOUT_S: Final = 40.0
# Reconciliation asks a few times a minute; pushes come in bursts. At some 1 ms each a member takes a twentieth of a core.
REQUESTS_PER_MINUTE: Final = 3_000
# A refusal costs nearly as much as an answer: who goes on asking over its rate gets so many a second on each connection.
REFUSAL_S: Final = 0.05
# A newcomer is answered some 80 MiB in half a minute: 50 000 entries.
ANSWERED_PER_MINUTE: Final = 256 * 1024 * 1024
BYTES_PER_MINUTE: Final = 64 * 1024 * 1024
# Entries that brought nothing: refused, held already, ahead of their place. A small one costs 0.3 ms of everybody's turn, one of
# 64 KiB 3 ms, of which BYTES_PER_MINUTE lets 1 000 come: either way a member can waste some 3 s a minute. An honest one is the third
# with the same news now and then, and one restored from a backup hands over what everybody has.
WASTED_PER_MINUTE: Final = 10_000
# Entries that arrived ahead of their place, per author: two answers' worth.
HELD_PER_AUTHOR: Final = 400
# Those of all authors together, 128 MiB at worst: whoever has ten keys cannot fill the disk of everybody.
HELD_IN_ALL: Final = 2_000
# A charter lists people; beyond this one document a hive needs another design.
MEMBERS: Final = 1_000
# A charter chain is walked once by a joiner: renewals every 30 days and a change a day for years.
CHARTER_CHAIN: Final = 10_000
# What admins have under discussion at a time; a rogue one has a quarter of the room.
PROPOSALS: Final = 16
PROPOSALS_PER_ADMIN: Final = 4
# Guesses at a 128-bit secret are an attack, never a typing error worth a sixth try.
INVITE_WRONG_GUESSES: Final = 5

# Text and lists inside deltas: what a person would still read.
WORD_CHARS: Final = 128
TEXT_CHARS: Final = 4_000
EDIT_CHARS: Final = 16_000
PATH_CHARS: Final = 512
# Two envelopes of 18 000 bytes in base64 fill one envelope with its header.
PROOF_CHARS: Final = 24_000
EDITS: Final = 64
LIST_ITEMS: Final = 256
# Relative gains and metric values beyond this are a broken measurement or an attack on a mean.
NUMBER_MAX: Final = 1e15

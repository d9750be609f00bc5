"""The guard's development corpus: texts with secrets and personal data whose places are known, and texts without any.

Made when it is asked for, from shapes and templates kept as data, the same for the same seed. No value is anybody's.
"""

from tests.corpus.guard.generate import Size, generate
from tests.corpus.guard.records import Label, Record

__all__ = ["Label", "Record", "Size", "generate"]

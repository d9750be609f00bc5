"""How a key and its value are written down: in code of any language, configuration, markup, headers, command lines.

Regexes over text of one byte a character; beyond Latin-1 every letter of a name is a `?` there (views.py), and the name
itself is judged by its text.
"""

import re
from typing import Final

from guardrails.scope.key_names import is_short, key_words, stems
from guardrails.scope.normalise import normalise
from guardrails.scope.views import View, as_letters

# Texts of which any name that promises something has at least one in it. One letter beyond Latin-1 is no sign of any.
_WORDS: Final = [word for word in key_words() if word.isascii() or len(word) > 1]
SPELLINGS: Final = stems(View(word).data.decode("latin-1") for word in _WORDS)
# Longest run of text that one value may have.
VALUE_CHARS: Final = 512


def _spelled(stem: str) -> str:
    # A short one is no beginning of a longer word: `pat` is none of `path`.
    ending = r"(?:[A-Z0-9_.\-]|\b)" if is_short(stem) else ""
    return f"(?i:{''.join(map(_either_case, stem))}){ending}"


def _either_case(letter: str) -> str:
    if letter <= "\xff":
        return re.escape(letter)
    cases = {as_letters(normalise(case).text).decode("latin-1") for case in (letter, letter.upper())}
    return f"(?:{'|'.join(map(re.escape, sorted(cases)))})"


# Where a name promises something, as letters.
PROMISE: Final = "|".join(map(_spelled, stems(_WORDS)))
_NAME_MARK: Final = r"[A-Za-z0-9_\-.?\x80-\xff]"
# What closes a name: quotes and brackets, escaped or not, of an index, of an element.
_CLOSE: Final = r"(?:\[[0-9]{0,5}\])?[\\\"'`\]\x1f)}*]{0,4}"
_WS: Final = r"[ \t]{0,8}"
_TYPED: Final = (
    r":[ ]{0,2}[A-Za-z0-9&*?\[\]<>.' |]{2,32}:?="
    r"|[ ]?:[ ]?[A-Z][A-Za-z]{2,12}\??[ ](?:by[ ]lazy[ ]\{|get\(\)[ ]=)"
    r"|[ ][*&]?(?:\[\])?(?:string|String|byte|text)[ ]{0,8}="
    r"|\{[ ]?get;[^{}\n]{0,40}\}[ ]?="
)
_SAID: Final = "or|eq|ne|is|was|ist|war|lautet|est|es|jest"
_ASSIGN: Final = rf":[=\-]|=>|<-|->|\|\|=?|\?\?=?|\?=|={{1,3}}|!==?|::?|>|\||[ ](?:-eq|-ne|{_SAID})[ ]"
# Name and value in fields of their own: `name: X`, `value: …`; `<key>X</key><string>…`; `variable "x" { default = …`.
_FIELD: Final = r"[\"']?[a-z]{1,12}[\"']?[ ]?[:=][ ]?[\"']?[A-Za-z0-9]{0,20}[\"']?[,\s]\s{0,40}"
_VALUE_FIELD: Final = r"[A-Za-z]{0,16}(?:[vV]alue|VALUE|[vV]al)[\"']?[ ]?(?:=>|[:=> ])"
_TAG: Final = r"<[A-Za-z:]{1,20}(?:[ ][^<>\n]{0,80})?>"
_SPLIT: Final = (
    rf"(?:[,;]\s{{0,60}}(?:{_FIELD})?[\"']?{_VALUE_FIELD}|\s{{1,60}}(?:[\"'<]|--)?{_VALUE_FIELD}"
    rf"|</[A-Za-z]{{1,12}}>\s{{0,60}}{_TAG}|>\s{{0,60}}<(?:[A-Za-z]{{1,12}}:)?[vV]alue(?:[ ][^<>\n]{{0,80}})?>"
    r"|;s:[0-9]{1,4}:|[ ]\{[^{}]{0,200}[ \n]default[ ]{0,20}=)"
)
# What makes a string of a literal, and what marks one: `String::from("`, `SecretStr("`, `r"`, `@"`, `N'`.
_MADE: Final = (
    r"(?:\$\{[^}\n]{0,40}\}[ ])?(?:[(\[{]\s{0,40})?(?:(?:new[ ])?[A-Za-z_\[\]:.]{0,24}"
    r"(?:[Ss]tring|[Ss]tr|from|From|bytes?|Buffer|decode|Some|Just|of|[Pp]lain[Tt]ext|[Ss]ensitive|Text|Secret|Password|atob|fromhex|lit)!?\([ ]?)?"
    r"(?:<<|\.?(?:asciz|ascii|string|db)[ \t]{1,8}|string\([0-9]{1,4}\)[ ])?"
    r"(?:[bruRBUNL@&]{0,2}#{0,2}|\"\"|'')\\?"
)
_CALLED: Final = rf"(?:\.(?:equals|Equals|eql\?|compareTo|is))?{_WS}(?:,{_WS}|[({{]\s{{0,40}}){_MADE}"
# The empty groups say where the value begins.
_QUOTED: Final = r"(?:()[\"'`\x02][^\"'`\n\x03]{3}|(?:\[|%?q[qwQ]?)()[\[({][^\"'`\[\](){}\n\x03]{3})"
# Unquoted, what is no plain word: a digit or a mark is in it, or its case changes without reason.
_PLAIN: Final = (
    r"()[^\s\"'`<>|,;(){}\[\]\x02\x03][^\s\"'`<>|\x02\x03]{0,40}"
    r"(?:[0-9!@#%^*+~$&?{}:-]|(?:[a-z]+[A-Z]+){3})"
)
# Letters alone, where no word of any language has so many consonants on end.
_WORDLESS: Final = r"()[A-Za-z]{0,24}(?i:[bcdfghjklmnpqrstvwxz]{4})"
# The rest of a name, and whatever leads from it to a value.
HEAD: Final = (
    rf"{_NAME_MARK}{{0,24}}{_CLOSE}(?:(?:{_WS}(?:{_TYPED}|{_ASSIGN})\s{{0,40}}{_MADE}|{_SPLIT}{_WS}|{_CALLED}|[ \t]{{1,8}}){_QUOTED}"
    rf"|(?:{_WS}(?:{_ASSIGN})|{_SPLIT}){_WS}(?:!!str[ ])?{_PLAIN}|[,(]{_PLAIN}|={_WORDLESS})"
)
# The same in short, for the prefilter, whose automaton would be too large with all of it.
SIGN: Final = (
    rf"(?:{'|'.join(map(_spelled, SPELLINGS))}){_NAME_MARK}*[^A-Za-z0-9_\s]*"
    rf"(?:[ \t]*(?:[:;=<>|?!,(.{{\[&*\"'`\x02-]|(?:string|String|byte|text|{_SAID})[ =])"
    r"|\s+(?:[\"'<]|--)?[A-Za-z]*(?:[vV]al|VAL))"
)
# How far an unquoted value goes: in a line that says nothing else, and elsewhere.
REST: Final = rf"[^\s\"'`<>\x02\x03]{{1,{VALUE_CHARS}}}"
WORD: Final = rf"[^\s\"'`,;<>&|\x02\x03]{{1,{VALUE_CHARS}}}"
QUOTES: Final = {'"': '"', "'": "'", "`": "`", "\x02": "\x03", "[": "]", "(": ")", "{": "}"}
# Separators of configuration, where `x: value2` is a value; elsewhere it is as likely a variable.
SETS: Final = frozenset({"=", ":-", ":", ": ", ">", "?=", ":  ", "|", " | "})
# What stands before a name that has its line to itself.
LINE_HEADS: Final = frozenset({"", "-", "+", "export", "ENV", "ARG", "set", "SET", "setx", "Environment=", "-e", "--"})

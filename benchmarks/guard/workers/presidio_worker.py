"""Presidio with every recognizer that needs no model, each asked for English, and no language model: none is on PyPI.

Times and web addresses are not personal data here, whatever their recognizers say. Scores below 0.4 are left out, else a
number of any length is a finding.
"""

import sys
from collections.abc import Iterator

import presidio_analyzer.predefined_recognizers as predefined
import tldextract
from loop import serve
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngineProvider

# Else it asks a server for the list of public suffixes, at every address.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
_LEAST_SCORE = 0.4
_NOT_PERSONAL = {"DATE_TIME", "URL"}
_MODELS = {"SpacyRecognizer", "StanzaRecognizer", "TransformersRecognizer"}

registry = RecognizerRegistry(supported_languages=["en"])
left_out = []
for name in dir(predefined):
    if name.endswith("Recognizer") and name not in _MODELS:
        try:
            registry.add_recognizer(getattr(predefined, name)(supported_language="en"))
        except Exception as error:  # noqa: BLE001 - each that wants a model or a service says so in its own way
            left_out.append(f"{name} ({type(error).__name__})")
print(f"left out: Presidio without {', '.join(left_out) or 'nothing'}", file=sys.stderr)
nothing = {"nlp_engine_name": "no_op", "models": [{"lang_code": "en", "model_name": "no_op"}]}
engine = NlpEngineProvider(nlp_configuration=nothing).create_engine()
analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])


def scan(text: str) -> Iterator[tuple[str, int, int]]:
    for found in analyzer.analyze(text, language="en", score_threshold=_LEAST_SCORE):
        if found.entity_type not in _NOT_PERSONAL:
            yield "pii", found.start, found.end


serve(scan)

"""Recall and precision per entity, side by side: Countersign, Presidio's patterns, redact-core.

    pip install presidio-analyzer
    python3 tests/masking/compare.py CORPUS.jsonl [--misses ENTITY] [--alarms ENTITY] [--only TOOL]

A corpus has one object a line: {"text": "…", "spans": [[start, end, "ENTITY"], …]}, in characters;
a .txt has ordinary text, in which everything found is a false alarm. A value is *found* when every letter and digit of it lies in finds of its own entity, *hidden* when it lies
in finds of any. A find is *right* when it touches a value of its entity. Presidio runs with its pattern
recognisers alone, without a language model, as its own `AnalyzerEngine` combines them (score >= 0.4, so that
the patterns that it calls very weak count only with their context words).
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def by_program(command, corpus):
    lines = "".join(json.dumps({"text": entry["text"]}) + "\n" for entry in corpus)
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.strip().splitlines()[-1]


def countersign(corpus):
    return by_program(["cargo", "run", "--release", "-q", "-p", "countersign-masking", "--example", "masking-finds"],
                      corpus)


def redact_core(corpus):
    return by_program(["cargo", "run", "--release", "-q", "--manifest-path",
                       os.path.join(HERE, "redact-core", "Cargo.toml")], corpus)


class NoModel:
    """Presidio's AnalyzerEngine wants a language model; this one only splits words for the context."""

    engine_name = "none"

    def __new__(cls):
        from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
        import re

        class Token(str):
            pass

        class Engine(NlpEngine):
            engine_name = "none"

            def load(self):
                pass

            def is_loaded(self):
                return True

            def process_text(self, text, language):
                found = [(match.group(), match.start()) for match in re.finditer(r"\w+|[^\w\s]", text)]
                words = [word for word, _ in found]
                lemmas = [word.lower() for word in words]
                keywords = [word for word in lemmas if len(word) > 1 and word.isalnum()]
                artifacts = NlpArtifacts([], words, [start for _, start in found], lemmas, self, language)
                artifacts.keywords = keywords
                return artifacts

            def process_batch(self, texts, language, batch_size=1, n_process=1, **_):
                for text in texts:
                    yield text, self.process_text(text, language)

            def is_stopword(self, word, language):
                return False

            def is_punct(self, word, language):
                return not word.isalnum()

            def get_supported_entities(self):
                return []

            def get_supported_languages(self):
                return ["en"]

        return Engine()


def presidio(corpus):
    # Without this its e-mail recogniser would fetch a list from the network; the one that it brings will do.
    import tldextract
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer import predefined_recognizers as known

    registry = RecognizerRegistry()
    names = ["CreditCardRecognizer", "CryptoRecognizer", "EmailRecognizer", "IbanRecognizer", "IpRecognizer",
             "PhoneRecognizer", "UsSsnRecognizer", "UsBankRecognizer", "UsPassportRecognizer", "NhsRecognizer",
             "InAadhaarRecognizer", "EsNifRecognizer", "EsNieRecognizer", "ItFiscalCodeRecognizer", "PlPeselRecognizer",
             "MacAddressRecognizer", "BrCpfRecognizer"]
    for name in names:
        if hasattr(known, name):
            recognizer = getattr(known, name)()
            recognizer.supported_language = "en"
            registry.add_recognizer(recognizer)
    engine = AnalyzerEngine(registry=registry, nlp_engine=NoModel(), supported_languages=["en"])
    finds, spent = [], 0.0
    for entry in corpus:
        began = time.perf_counter()
        results = engine.analyze(entry["text"], language="en", score_threshold=0.4)
        spent += time.perf_counter() - began
        finds.append([[result.start, result.end, result.entity_type.replace("ES_NIE", "ES_NIF")] for result in results])
    return finds, f"{sum(len(entry['text'].encode()) for entry in corpus)} bytes in {spent * 1000:.3f} ms"


def covered(text, span, finds):
    places = set()
    for start, end, _ in finds:
        places.update(range(start, end))
    return all(place in places for place in range(span[0], span[1]) if text[place].isalnum())


def measure(corpus, finds):
    table = collections.defaultdict(lambda: dict(values=0, found=0, hidden=0, finds=0, right=0, missed=[], alarms=[]))
    for entry, mine in zip(corpus, finds):
        text = entry["text"]
        for span in entry["spans"]:
            row = table[span[2]]
            row["values"] += 1
            row["hidden"] += covered(text, span, mine)
            if covered(text, span, [find for find in mine if find[2] == span[2]]):
                row["found"] += 1
            else:
                row["missed"].append(text[max(0, span[0] - 30):span[0]] + "[" + text[span[0]:span[1]] + "]" + text[span[1]:span[1] + 15])
        for find in mine:
            row = table[find[2]]
            row["finds"] += 1
            if any(span[2] == find[2] and span[0] < find[1] and find[0] < span[1] for span in entry["spans"]):
                row["right"] += 1
            else:
                row["alarms"].append(text[max(0, find[0] - 30):find[0]] + "[" + text[find[0]:find[1]] + "]" + text[find[1]:find[1] + 15])
    return table


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--misses")
    parser.add_argument("--alarms")
    parser.add_argument("--only")
    options = parser.parse_args()
    with open(options.corpus, encoding="utf-8") as lines:
        # Plain text has no personal data: whatever is found in it is a false alarm.
        plain = options.corpus.endswith(".txt")
        corpus = [{"text": line, "spans": []} if plain else json.loads(line) for line in lines]
    tools = {"countersign": countersign, "presidio": presidio, "redact-core": redact_core}
    tables = {}
    for name, tool in tools.items():
        if options.only in (None, name):
            finds, speed = tool(corpus)
            tables[name] = measure(corpus, finds)
            print(f"{name}: {speed}")
    entities = sorted({entity for table in tables.values() for entity in table})
    print("\n| entity | values | " + " | ".join(f"{name}: found, hidden, false alarms" for name in tables) + " |")
    print("|---|---|" + "---|" * len(tables))
    for entity in entities:
        rows = [table[entity] for table in tables.values()]
        if rows[0]["values"] or any(row["finds"] for row in rows):
            cells = [f"{row['found']}, {row['hidden']}, {row['finds'] - row['right']}" for row in rows]
            print(f"| {entity} | {rows[0]['values']} | " + " | ".join(cells) + " |")
    for name, table in tables.items():
        for kind, entity in (("missed", options.misses), ("alarms", options.alarms)):
            if entity:
                print(f"\n{name}, {kind}, {entity}")
                for line in table[entity][kind]:
                    print("  ", line.replace("\n", "⏎"))


main()

"""Writes tests/masking/corpus.jsonl and tests/masking/ordinary.txt; the same for the same versions and seed.

    pip install faker==40.63.0 && python3 tests/masking/corpus.py

The values come from Faker's providers of many countries and from forms written down here; the sentences
are ours. Values are put into sentences with and without a word that says what they are, as people, logs,
tables and code write them. `ordinary.txt` has no personal data: every find in it is a false alarm.
"""
import hashlib
import json
import os
import random
import uuid

from faker import Faker

HERE = os.path.dirname(os.path.abspath(__file__))
random.seed(20)
Faker.seed(20)

# Country by country, as people there write telephone numbers (0-9 is a digit to fill in, # any digit).
PHONES = """
+1 (212) 555-01##|(212) 555-01##|212-555-01##|212.555.01##|+1-212-555-01##|+121255501##|1-800-555-01##|(646)555-01##
+44 20 7946 0###|020 7946 0###|(020) 7946 0###|07700 900###|+44 7700 900###|+447700900###|0161 496 0###|0044 20 7946 0###
+33 1 23 45 67 ##|01 23 45 67 ##|06 12 34 56 ##|06.12.34.56.##|+33 (0)6 12 34 56 ##|+336123456##
+49 30 901820##|030 901820##|030/901820##|0171 39200##|+49 (0)171 39200##|(030) 901820##|0171-39200##
+39 06 698 12###|+39 333 12 34 5##|06 6981 2###|+34 612 34 56 ##|+34 912 345 6##|+351 21 123 45##|+31 20 123 45##
020 123 45##|06-123456##|+32 2 123 45 ##|02 123 45 ##|0470 12 34 ##|+41 44 668 18 ##|044 668 18 ##|+43 1 234567##
+46 (0)8 123 45 ##|08-123 45 ##|070-123 45 ##|+47 22 12 34 ##|+45 32 12 34 ##|+358 9 1234 5##|+353 1 234 56##
+48 22 123 45 ##|+48 601 234 5##|+420 601 234 5##|+36 1 234 56##|06 30 123 45##|+30 21 0123 45##|+90 212 345 67 ##
+7 912 345-67-##|8 (912) 345-67-##|+7 (495) 123-45-##|+380 44 123 45 ##|+972 54-123-45##|054-12345##|03-12345##
+91 98765 432##|98765 432##|+91-9876543###|022 2345 67##|+86 138 1234 56##|138 1234 56##|+86 10 6234 56##
+81 3-1234-56##|03-1234-56##|090-1234-56##|+81 90 1234 56##|+82 2-312-34##|010-1234-56##|+65 9123 45##|+852 2345 67##
+61 2 9876 54##|(02) 9876 54##|0411 123 4##|+61 411 123 4##|+64 9 123 45##|021 123 45##|+55 11 91234-56##|(11) 91234-56##
(21) 2345-67##|+52 55 1234 56##|+54 11 1234-56##|+56 2 2123 45##|+57 601 23456##|+27 82 123 45##|082 123 45##
+234 803 123 45##|0803 123 45##|+254 722 1234##|+20 2 123456##|+971 4 123 45##|+966 11 123 45##|+62 21 123456##
"""
# With a word that says so, as people write numbers that have no form of their own.
CALLED = "555-01##|601 234 5##|12 34 56 ##|9123 45##|41 23 45 ##|21255501##|912 345 6##|22 123 45 ##|467 33##"

WITH = {
    "CREDIT_CARD": ["my card {} was stolen", "Please charge {}, exp 12/27", "card number: {}", "paid with {}.",
                    "pan={};cvv=***", "cc {} declined"],
    "EMAIL_ADDRESS": ["write to {}", "<{}>", "user {} logged in", "mailto:{}?subject=x", "email={},", "cc: {}; bcc: none"],
    "IBAN_CODE": ["transfer to {}", "IBAN: {}", "from {} to us", "account {}."],
    "IP_ADDRESS": ["connection from {} refused", "{} - - [10/Oct/2024:13:55:36 +0000] \"GET / HTTP/1.1\" 200",
                   "peer={},", "blocked {} today"],
    "MAC_ADDRESS": ["lease for {}", "hwaddr={}"],
    "US_SSN": ["SSN {}", "his social security number is {}", "{} (ssn)", "ssn={}"],
    "CRYPTO": ["send it to {}", "wallet {}."],
    "UK_NHS": ["NHS number {}", "nhs no. {} seen"],
    "BR_CPF": ["CPF {}", "documento {}"],
    "IN_AADHAAR": ["Aadhaar {}", "uidai {}"],
    "ES_NIF": ["NIF {}", "con DNI {}."],
    "IT_FISCAL_CODE": ["codice fiscale {}", "CF: {}"],
    "PL_PESEL": ["PESEL {}", "nr {}"],
    "US_PASSPORT": ["passport {}", "Passport No. {}"],
    "US_BANK_NUMBER": ["bank account {}", "acct {} routing"],
    "PHONE_NUMBER": ["reachable at {} today", "tel {}", "Phone: {}", "{} (home)", "call me on {}.", "contact={};"],
}
FRAMES = ["{}", "On Tuesday, {} again", "note: {}", "\"{}\"", "{}\nThank you", "2024-03-01 10:11:12 INFO {}", "| {} | ok |"]


def fill(form):
    return "".join(str(random.randint(0, 9)) if letter == "#" else letter for letter in form)


def luhn_digit(digits):
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def cards(fake):
    for provider in ("visa16", "visa13", "visa19", "mastercard", "amex", "discover", "jcb16", "jcb15", "diners", "maestro"):
        for _ in range(12):
            if provider == "maestro":
                body = random.choice(["5018", "5020", "5038", "6304", "6759", "6761"]) + fill("#" * 11)
                number = body + luhn_digit(body)
            else:
                number = fake.credit_card_number(card_type=provider)
            yield number
            if len(number) == 16:
                fours = [number[place:place + 4] for place in range(0, 16, 4)]
                yield " ".join(fours)
                yield "-".join(fours)
            elif len(number) == 15:
                yield f"{number[:4]} {number[4:10]} {number[10:]}"


def ibans():
    from faker.config import AVAILABLE_LOCALES
    for locale in sorted(AVAILABLE_LOCALES):
        fake = Faker(locale)
        if locale not in ("zu_ZA",):
            try:
                number = fake.iban()
            except Exception:
                continue
            # Faker has numbers for countries that have no IBAN, and British ones that are too short.
            if number[:2] in ("AR", "BD", "CO", "IR", "PH", "TH") or (number[:2] == "GB" and len(number) != 22):
                continue
            yield number
            yield " ".join(number[place:place + 4] for place in range(0, len(number), 4))


def check(digits, weights, modulus):
    return sum(int(digit) * weight for digit, weight in zip(digits, weights)) % modulus


def nhs():
    while True:
        body = random.choice("4679") + fill("#" * 8)
        last = (11 - check(body, range(10, 1, -1), 11)) % 11
        if last < 10:
            number = body + str(last)
            yield random.choice([number, f"{number[:3]} {number[3:6]} {number[6:]}"])


def aadhaar():
    table = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    for _ in range(6):
        table.append([table[-1][value] for value in table[1]])

    def product(left, right):
        if left < 5:
            return (left + right) % 5 if right < 5 else (left + right) % 5 + 5
        return (left - right) % 5 + 5 if right < 5 else (left - right) % 5
    while True:
        body = random.choice("23456789") + fill("#" * 10)
        for last in range(10):
            number, total = body + str(last), 0
            for place, digit in enumerate(reversed(number)):
                total = product(total, table[place % 8][int(digit)])
            if total == 0:
                yield random.choice([number, f"{number[:4]} {number[4:8]} {number[8:]}"])


def bitcoin():
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    while True:
        data = bytes([random.choice([0, 5])]) + random.randbytes(20)
        data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
        value, text = int.from_bytes(data, "big"), ""
        while value:
            value, rest = divmod(value, 58)
            text = alphabet[rest] + text
        yield "1" * (len(data) - len(data.lstrip(b"\0"))) + text
        yield "0x" + random.randbytes(20).hex()


def nif():
    while True:
        number = random.randint(10_000_000, 99_999_999)
        yield f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def values(fake):
    take = lambda source, count: [next(source) for _ in range(count)]
    phones = [fill(form) for form in PHONES.strip().replace("\n", "|").split("|") for _ in range(3)]
    locales = ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "pl_PL", "sv_SE", "ja_JP", "en_IN", "cs_CZ"]
    emails = [Faker(locale).email() for locale in locales for _ in range(6)] + [Faker(locale).ascii_company_email() for locale in locales]
    cpf, fiscal, pesel = Faker("pt_BR"), Faker("it_IT"), Faker("pl_PL")
    return {
        "CREDIT_CARD": list(cards(fake)),
        "EMAIL_ADDRESS": emails + ["o'hara@example.ie", "first.last+tag@sub.example.co.uk", "a_b-c%d@example.travel",
                                   "jörg.müller@bücher.example", "user@xn--bcher-kva.example", "1234567890@example.com"],
        "IBAN_CODE": list(ibans()),
        "IP_ADDRESS": [fake.ipv4_public() for _ in range(60)] + [fake.ipv6() for _ in range(40)]
                      + ["2001:db8::8a2e:370:7334", "fe80::1ff:fe23:4567:890a", "fd12:3456::1"],
        "MAC_ADDRESS": [fake.mac_address() for _ in range(20)] + [fake.mac_address().upper().replace(":", "-") for _ in range(10)],
        "US_SSN": [fake.ssn() for _ in range(60)] + [fake.ssn().replace("-", " ") for _ in range(10)],
        "CRYPTO": take(bitcoin(), 40) + ["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"],
        "UK_NHS": take(nhs(), 30),
        "BR_CPF": [cpf.cpf() for _ in range(30)],
        "IN_AADHAAR": take(aadhaar(), 30),
        "ES_NIF": take(nif(), 30),
        "IT_FISCAL_CODE": [fiscal.ssn() for _ in range(30)],
        "PL_PESEL": [pesel.pesel() for _ in range(30)],
        "US_PASSPORT": [random.choice("ABCDE") + fill("#" * 8) for _ in range(20)],
        "US_BANK_NUMBER": [fill("9" + "#" * random.randint(8, 12)) for _ in range(20)],
        "PHONE_NUMBER": phones + [Faker("en_US").phone_number() for _ in range(60)],
    }


def write_corpus(fake):
    entries = []
    for entity, found in values(fake).items():
        for place, value in enumerate(found):
            entries.append((entity, value, WITH[entity][place % len(WITH[entity])]))
    for form in CALLED.split("|"):
        for sentence in WITH["PHONE_NUMBER"][1:3]:
            entries.append(("PHONE_NUMBER", fill(form), sentence))
    with open(os.path.join(HERE, "corpus.jsonl"), "w", encoding="utf-8") as out:
        for place, (entity, value, sentence) in enumerate(entries):
            text = FRAMES[place % len(FRAMES)].replace("{}", sentence)
            start = text.index("{}")
            text = text.replace("{}", value)
            out.write(json.dumps({"text": text, "spans": [[start, start + len(value), entity]]}, ensure_ascii=False) + "\n")


def write_ordinary(fake):
    lines = []
    number = random.randint
    for place in range(220):
        stamp = f"2024-{number(1, 12):02}-{number(1, 28):02}T{number(0, 23):02}:{number(0, 59):02}:{number(0, 59):02}.{number(0, 999999):06}Z"
        lines += [
            f"{stamp} INFO request_id={uuid.UUID(int=random.getrandbits(128))} status=200 took={number(1, 99999)}us bytes={number(0, 10**7)}",
            f"{number(10**9, 2 * 10**9)} {number(10**12, 2 * 10**12)} worker-{number(0, 99)} queue depth {number(0, 9999)}/{number(10000, 99999)}",
            f"SELECT id, total::numeric(12,2) FROM orders WHERE id = {number(1, 10**9)} AND total > {number(0, 10**6)}.{number(0, 99):02} LIMIT 100;",
            f"commit {random.randbytes(20).hex()} (tag: v{number(0, 20)}.{number(0, 40)}.{number(0, 99)})",
            f"order {number(10**7, 10**8)} shipped, {number(1, 9)} items, ${number(10, 9999)}.{number(0, 99):02}, ref {fake.bothify('??-#####-???').upper()}",
            f"Compiling serde v1.0.{number(0, 250)}, {fake.file_name()} {number(1, 99999)} lines, {number(0, 99)}.{number(0, 9)}%",
            f"    let total = price[{number(0, 99)}] * {number(2, 99)}.{number(0, 999999)}f64 + 0x{random.randbytes(4).hex()};",
            f"lat={number(-89, 89)}.{number(0, 10**7):07} lon={number(-179, 179)}.{number(0, 10**7):07} alt={number(0, 4000)}",
            f"{fake.sentence()} {fake.sentence()}",
            f"sha256:{random.randbytes(32).hex()} size={number(10**6, 10**11)} date {number(1, 28):02}.{number(1, 12):02}.2023 {number(0, 23):02}:{number(0, 59):02}",
            f" {number(1, 99):>3} | {number(100, 999)} | {number(1000, 9999)} | {number(0, 1)} | {number(10, 99)} {number(10, 99)} {number(100, 999)}",
            f"ISBN 978-{number(0, 9)}-{number(1000, 9999)}-{number(1000, 9999)}-{number(0, 9)}, pages {number(10, 99)}-{number(100, 999)}, 1,{number(100, 999)},{number(100, 999)} copies",
        ]
    with open(os.path.join(HERE, "ordinary.txt"), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


fake = Faker("en_US")
write_corpus(fake)
write_ordinary(fake)

"""Mutants of SQL statements, from a seed: the same seed gives the same mutants."""

import re

TOKEN = re.compile(
    r"/\*.*?\*/|--[^\n]*\n?|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|[A-Za-z_@$][\w$@]*|\d+(?:\.\d+)?(?:e\d+)?|"
    r"<=>|<>|!=|<=|>=|\|\||::|:=|->>?|&&|<<|>>|\s+|.",
    re.S,
)
WORD = re.compile(r"[A-Za-z_][\w$]*\Z")
TABLES = ("payments", "customers", "orders")
COLUMNS = ("id", "a", "b", "c")
RELATION = frozenset("FROM JOIN INTO UPDATE TABLE ON USING TRUNCATE DESCRIBE DESC REFERENCES VIEW STRAIGHT_JOIN LIKE ONLY".split())

# What may hide a table, a statement or a missing condition from a reader that is not the server.
PIECES = [
    "payments", "payments", "FROM payments", ", payments", "JOIN payments", "(SELECT a FROM payments)", "(TABLE payments)",
    "TABLE payments", "END", "END; DELETE FROM payments", "; DELETE FROM payments", "; DROP TABLE payments",
    "UPDATE payments SET a = 1", "WITH x AS (SELECT a FROM payments)", "UNION SELECT a FROM payments",
    "EXISTS (SELECT 1 FROM payments)", "IN (SELECT a FROM payments)", "IN payments", "USING payments", "NATURAL JOIN payments",
    "LEFT JOIN payments ON true", "CROSS JOIN payments", "LATERAL (SELECT * FROM payments) x", "RETURNING *",
    "WHERE", "WHERE 1", "WHERE a", "WHERE true", "OR true", "OR 1 = 1", "OR a = a", "OR a IS NULL", "AND", "NOT", "LIMIT 1",
    "LIMIT 0", "ORDER BY a", "GROUP BY a", "HAVING true", "FOR UPDATE", "INTO @v", "AS", "AS x", "x", "XOR", "IGNORE",
    "LOW_PRIORITY", "QUICK", "ONLY", "*", "DISTINCT", "ALL", "(", ")", ",", ";", ".", "/**/", "/* x */", "-- x\n", "#x\n", "''",
    "'payments'", "1", "0", "NULL", "\"payments\"", "`payments`", "[payments]", "U&\"\\0070ayments\"", "main.payments",
    "public.payments", "COLLATE", "EXPLAIN", "EXPLAIN ANALYZE", "BEGIN", "COMMIT", "TRUNCATE payments", "DROP", "TABLE",
    "CASCADE", "CREATE OR REPLACE TABLE payments (x int)", "GRANT ALL ON payments TO other", "SET", "a = 1", "VALUES (1)",
    "REPLACE", "ON CONFLICT DO NOTHING", "ON DUPLICATE KEY UPDATE a = 1", "PARTITION (p0)", "INDEXED BY i", "USE INDEX (i)",
]


def tokens(text):
    return TOKEN.findall(text)


def is_space(token):
    return token.isspace() or token.startswith(("/*", "--"))


def adapted(statement, keywords):
    """A statement of somebody's tests, with the names of the scratch database in it."""
    parts = tokens(statement)
    code = [token for token in parts if not is_space(token)]
    names, last, after_as = {}, "", False
    relations = set()
    for at, token in enumerate(code):
        following = code[at + 1] if at + 1 < len(code) else ""
        if WORD.match(token) and token.upper() not in keywords:
            if last.upper() in RELATION or following == ".":
                relations.add(token.lower())
            if last.upper() == "AS":
                names[token.lower()] = token
        last = token
    result = []
    for at, token in enumerate(parts):
        rest = [part for part in parts[at + 1:at + 3] if not is_space(part)]
        called = bool(rest) and rest[0] == "("
        if not WORD.match(token) or token.upper() in keywords or (called and token.lower() not in relations):
            result.append(token)
            continue
        lower = token.lower()
        if lower not in names:
            among = TABLES if lower in relations else COLUMNS
            names[lower] = among[sum(map(ord, lower)) % len(among)]
        result.append(names[lower])
    return "".join(result)


class Mutator:
    """Makes mutants of a list of statements."""

    def __init__(self, statements, keywords, random):
        self.statements = statements
        self.parts = [tokens(statement) for statement in statements]
        self.keywords = sorted(keywords)
        self.random = random

    def mutant(self):
        random = self.random
        parts = list(random.choice(self.parts))
        for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
            parts = self.change(parts)
        return "".join(parts)

    def change(self, parts):
        random = self.random
        at = random.randrange(len(parts) + 1)
        kind = random.random()
        if kind < 0.30:
            parts[at:at] = [" ", random.choice(PIECES), " "]
        elif kind < 0.42:
            parts[at:at] = [" ", random.choice(self.keywords), " "]
        elif kind < 0.52 and parts:
            del parts[min(at, len(parts) - 1)]
        elif kind < 0.60 and parts:
            parts[min(at, len(parts) - 1)] = random.choice(PIECES)
        elif kind < 0.70:
            words = [place for place, token in enumerate(parts) if token in TABLES]
            if words:
                parts[random.choice(words)] = random.choice(("payments", "payments", "`payments`", '"payments"', "Payments", "orders"))
        elif kind < 0.76 and parts:
            at = min(at, len(parts) - 1)
            parts[at:at] = [" ", parts[at], " "]
        elif kind < 0.82 and len(parts) > 1:
            first, second = random.randrange(len(parts)), random.randrange(len(parts))
            parts[first], parts[second] = parts[second], parts[first]
        elif kind < 0.90:
            other = random.choice(self.parts)
            begin = random.randrange(len(other) + 1)
            parts[at:at] = [" ", *other[begin:begin + random.randrange(1, 12)], " "]
        elif kind < 0.94:
            other = random.choice(self.parts)
            parts = parts[:at] + [" "] + other[random.randrange(len(other) + 1):]
        elif kind < 0.97:
            parts = ["EXPLAIN "] + parts
        else:
            parts = parts + [random.choice((";", " ", "; ")), *random.choice(self.parts)]
        return parts

#!/usr/bin/env python3
"""Verifies a receipt offline: verify_receipt.py RECEIPT.json [PUBLIC_KEY]. Needs the package `cryptography`."""
import base64
import json
import sys
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def require(holds, what):
    if not holds:
        sys.exit(f"NOT PROVEN: {what}")

def canonical(value, leave_out=None):
    """RFC 8785, for what a receipt holds: texts, whole numbers, names in ASCII."""
    kept = {name: member for name, member in value.items() if name != leave_out}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

receipt = json.load(open(sys.argv[1], encoding="utf-8"))
events, checkpoint = receipt["events"], receipt["checkpoint"]

# Each event carries the hash of the one before, and its own.
previous = "0" * 64
for number, event in enumerate(events, 1):
    body = json.loads(canonical(event, "hash"))
    computed = sha256(canonical({"event": body, "request_id": receipt["request_id"]})).hexdigest()
    require((event["seq"], event["prev_hash"], event["hash"]) == (number, previous, computed), f"event {number}")
    previous = computed

# What stands on top is what the events say.
require(receipt["digest"] == events[0]["data"]["digest"], "the digest")
require(receipt["policy"] == events[0]["data"]["policy"], "the policy")
votes = [dict(event["data"], at=event["at"]) for event in events if event["type"] == "request.vote"]
names = ("user", "email", "decision", "groups", "at")
require(receipt["votes"] == [{name: vote[name] for name in names} for vote in votes], "the votes")
require(receipt["outcome"] == {name: events[-1][name] for name in ("type", "at")}, "the outcome")

# The last event is in the tree of the checkpoint (RFC 9162, section 2.1.3.2).
node = sha256(b"\0" + bytes.fromhex(previous)).digest()
at, end = receipt["leaf"], checkpoint["tree_size"] - 1
for sibling in map(bytes.fromhex, receipt["proof"]):
    if at & 1 or at == end:
        node = sha256(b"\1" + sibling + node).digest()
        while at and not at & 1:
            at, end = at >> 1, end >> 1
    else:
        node = sha256(b"\1" + node + sibling).digest()
    at, end = at >> 1, end >> 1
require(at == end == 0 and node.hex() == checkpoint["root"], "the last event's place in the log")

# The checkpoint is signed by the key.
key = base64.b64decode(sys.argv[2] if len(sys.argv) > 2 else receipt["public_key"])
require(checkpoint["key"] == sha256(key).hexdigest()[:16], "the key")
try:
    signed = b"countersign-checkpoint-v1\n" + canonical(checkpoint, "signature")
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(checkpoint["signature"]), signed)
except InvalidSignature:
    require(False, "the signature of the checkpoint")
print(f"proven: {receipt['request_id']} {receipt['outcome']['type']} {receipt['digest']} key {checkpoint['key']}")

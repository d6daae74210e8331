"""As much of AWS KMS as `seal` asks for: one Ed25519 key behind an alias, by another library than the functions'."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALIAS = "alias/checkpoints"
ARN = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000001"
MOST_BYTES = 4096


class Kms:
    """A running stand-in, on all addresses of this machine: containers reach none but those."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.calls = []
        kms = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                operation = self.headers["x-amz-target"].removeprefix("TrentService.")
                status, answer = kms.answer(operation, body)
                said = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server.server_address[1]

    def public_key(self):
        """As checkpoints name it: 32 bytes in base64."""
        return base64.b64encode(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def answer(self, operation, body):
        self.calls.append(operation)
        if body.get("KeyId") not in (ALIAS, ARN):
            return 400, {"__type": "NotFoundException"}
        if operation == "GetPublicKey":
            der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return 200, {"KeyId": ARN, "KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY",
                         "SigningAlgorithms": ["ED25519_PH_SHA_512", "ED25519_SHA_512"],
                         "PublicKey": base64.b64encode(der).decode()}
        if operation != "Sign":
            return 400, {"__type": "UnknownOperationException"}
        message = base64.b64decode(body["Message"])
        if body["SigningAlgorithm"] != "ED25519_SHA_512":
            return 400, {"__type": "InvalidKeyUsageException"}
        if body.get("MessageType") != "RAW" or not 1 <= len(message) <= MOST_BYTES:
            return 400, {"__type": "ValidationException"}
        return 200, {"KeyId": ARN, "SigningAlgorithm": "ED25519_SHA_512",
                     "Signature": base64.b64encode(self.key.sign(message)).decode()}

#!/usr/bin/env python3
"""Slack's own Python library as the judge of what goes to Slack and of what comes from there.

Parses every message and dialog that the Rust tests wrote down with `slack_sdk`'s models, which must find
everything in them; and sends commands and buttons that `slack_sdk`'s signer signed to the real program.
Ends with `test result: ok. N passed; N failed`.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
from slack_sdk.signature import SignatureVerifier

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
APP, TEAM = "A0COUNTER", "T0DEMO"
KNOWN_BLOCKS = {"header", "rich_text", "actions", "section", "input"}


class Checks:
    """Counts what held and says what did not."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, name, holds, seen=None):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {name}: {seen!r}")


def payloads(checks, folder):
    files = sorted(folder.glob("*.json"))
    checks.that("the Rust tests wrote payloads down", len(files) >= 15, [file.name for file in files])
    for file in files:
        payload = json.loads(file.read_text())
        if file.stem == "modal":
            view = View(**payload)
            view.validate_json()
            blocks, parsed = payload["blocks"], view.blocks
        else:
            blocks, parsed = payload["blocks"], Block.parse_all(payload["blocks"])
        checks.that(f"{file.stem}: each block is known", all(b.type in KNOWN_BLOCKS for b in parsed), parsed)
        for block in parsed:
            block.validate_json()
        # What the models did not know they would have dropped.
        again = [block.to_dict() for block in parsed]
        checks.that(f"{file.stem}: nothing is lost", normal(again) == normal(blocks), (again, blocks))


def normal(value):
    """Without what the models leave out because it is the default."""
    if isinstance(value, dict):
        return {k: normal(v) for k, v in value.items() if not (k == "emoji" and v is not None)}
    return [normal(v) for v in value] if isinstance(value, list) else value


def call(url, body, headers):
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def put(url, token, body):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status


def signed_calls(checks, url):
    signer = SignatureVerifier(SECRET)

    def send(path, fields, second=None, tamper=b""):
        second = str(int(second or time.time()))
        body = urllib.parse.urlencode(fields).encode()
        signature = signer.generate_signature(timestamp=second, body=body)
        return call(url + path, body + tamper, {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": second, "x-slack-signature": signature,
        })

    command = {"command": "/countersign", "text": "help", "api_app_id": APP, "team_id": TEAM, "user_id": "U1"}
    status, body = send("/slack/commands", command)
    checks.that("a command that slack_sdk signed is answered", status == 200 and b"pending" in body, (status, body))
    answer = json.loads(body)
    checks.that("for one person's eyes", answer["response_type"] == "ephemeral", answer)
    Block.parse_all(answer["blocks"])[0].validate_json()
    unlinked = {"type": "block_actions", "api_app_id": APP, "team": {"id": TEAM}, "user": {"id": "U1", "team_id": TEAM},
                "trigger_id": "1", "actions": [{"action_id": "approve", "value": "req_00000000000000000000000000 sha256:" + "0" * 64}]}
    status, body = send("/slack/interactions", {"payload": json.dumps(unlinked)})
    checks.that("a button that slack_sdk signed is answered", status == 200 and b"not linked" in body, (status, body))
    status, body = send("/slack/commands", command, tamper=b"&x=1")
    checks.that("with another body it is refused", status == 401, (status, body))
    status, body = send("/slack/commands", command, second=time.time() - 400)
    checks.that("an old one is refused, as slack_sdk refuses it", status == 401, (status, body))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--program", required=True)
    arguments.add_argument("--payloads", required=True, type=pathlib.Path)
    given = arguments.parse_args()
    checks = Checks()
    payloads(checks, given.payloads)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "SLACK_SECRET": SECRET, "SLACK_TOKEN": "xoxb-none",
                       "COUNTERSIGN_SLACK_API_URL": "http://127.0.0.1:9/api/"}
        data = pathlib.Path(folder) / "data"
        log = open(pathlib.Path(folder) / "log", "wb")
        serve = subprocess.Popen(
            [given.program, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", str(data)],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            demo = None
            for _ in range(600):
                if (data / "demo.json").exists():
                    demo = json.loads((data / "demo.json").read_text())
                    try:
                        urllib.request.urlopen(demo["url"] + "/healthz", timeout=5).close()
                        break
                    except OSError:
                        pass
                time.sleep(0.1)
            settings = {"bot_token": "env:SLACK_TOKEN", "signing_secret": "env:SLACK_SECRET", "app_id": APP, "team_id": TEAM}
            token = demo["users"]["root"]["token"]
            checks.that("Slack is set up", put(demo["url"] + "/v1/integrations/slack", token, settings) == 200)
            signed_calls(checks, demo["url"])
        finally:
            serve.terminate()
            serve.wait(timeout=30)
            log.close()
    print(f"test result: {'ok' if checks.failed == 0 else 'FAILED'}. {checks.passed} passed; {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A life of a request through `sam local invoke`, on the table that the template describes.

Submits a request, approves it and has it executed; submits a second one, lets its time run out and has
`expire` end it; has a third one approved by a press of the button in Slack; has all of it sealed, and
verifies the first one's receipt. Every event starts as a fixture of infra/events; the functions run in
containers, the table is in DynamoDB Local. With --binaries, functions that the template has not built are those of
that folder. Ends with `test result: ok. N passed; N failed`.
"""

import argparse
import base64
import copy
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from datetime import datetime, timedelta, timezone

import boto3
import botocore.config
import botocore.exceptions
from kms import ALIAS, Kms
from samcli.yamlhelper import yaml_dump, yaml_parse
from slack_sdk.signature import SignatureVerifier

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVENTS = ROOT / "infra" / "events"
TABLE = "countersign-sam"
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_APP, SLACK_TEAM, SLACK_USER = "A0COUNTER", "T0DEMO", "U0DANA"


class Checks:
    """Counts what held and says what did not."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def equal(self, sentence, got, expected):
        if got == expected:
            self.passed += 1
            print(f"ok      {sentence}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {sentence}\n        expected {expected!r}\n        got      {got!r}", flush=True)

    def report(self):
        verdict = "ok" if self.failed == 0 else "FAILED"
        print(f"test result: {verdict}. {self.passed} passed; {self.failed} failed")
        return 1 if self.failed else 0


class Sam:
    """Invokes functions in containers: each the first time with `sam local invoke`, in a container of its own, and then
    with `sam local start-lambda`, which keeps its containers. A context manager."""

    def __init__(self, arguments, folder, kms):
        self.folder = folder
        host = urllib.parse.urlsplit(arguments.dynamodb_from_containers).hostname
        template = with_code_and_kms(arguments.template, arguments.binaries, f"http://{host}:{kms.port}")
        self.options = [
            "--template-file", template, "--skip-pull-image",
            "--invoke-image", arguments.image, "--env-vars", str(folder / "environment.json"),
            "--parameter-overrides", f"Architecture={arguments.architecture}",
        ]
        environment = {
            "AWS_ENDPOINT_URL_DYNAMODB": arguments.dynamodb_from_containers,
            "COUNTERSIGN_TABLE": TABLE,
            "COUNTERSIGN_PUBLIC_URL": "https://gate.example.com",
            # sam knows no ARNs of what is not deployed.
            "COUNTERSIGN_EXPIRE_ARN": "arn:aws:lambda:eu-central-1:123456789012:function:countersign-expire",
            "COUNTERSIGN_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
            "SLACK_SIGNING_SECRET": SLACK_SECRET,
            "SLACK_BOT_TOKEN": "xoxb-none",
            "COUNTERSIGN_AUDIT_KEY": f"kms:{ALIAS}",
            # No bucket is here.
            "COUNTERSIGN_AUDIT_BUCKET": "",
        }
        # sam overrides only what the template declares, and refuses nothing else.
        (folder / "environment.json").write_text(json.dumps({"Parameters": environment}))
        # sam asks STS for the account's number at each start. That there is none here takes eight seconds to find out.
        self.environment = {**os.environ, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
        self.invoked = set()

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.log = self.folder / "start-lambda.log"
        with self.log.open("w") as log:
            self.server = subprocess.Popen(
                ["sam", "local", "start-lambda", *self.options, "--port", str(port), "--warm-containers", "LAZY"],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if self.server.poll() is not None or time.monotonic() > until:
                    self.server.kill()
                    sys.exit(f"sam local start-lambda did not start:\n{self.log.read_text()}")
                time.sleep(0.1)
        self.client = boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{port}", config=botocore.config.Config(
            read_timeout=60, retries={"total_max_attempts": 1}))
        return self

    def __exit__(self, *_):
        # It removes its containers.
        self.server.terminate()
        try:
            self.server.wait(60)
        except subprocess.TimeoutExpired:
            self.server.kill()

    def invoke(self, function, event):
        """The function's answer; ends the run if there is none."""
        if function in self.invoked:
            return self.invoke_again(function, event)
        self.invoked.add(function)
        path = self.folder / "event.json"
        path.write_text(json.dumps(event))
        done = subprocess.run(["sam", "local", "invoke", *self.options, "--event", str(path), function], cwd=ROOT,
                              env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout) if done.stdout.strip() else None
        # The emulator may go away before it has written its report of an invocation that was answered.
        finished = done.returncode == 0 and (answer is not None or "REPORT RequestId" in done.stderr)
        if not finished or isinstance(answer, dict) and "errorType" in answer:
            sys.exit(f"{function} gave no answer (exit {done.returncode}):\n{done.stdout}\n{done.stderr}")
        return answer

    def invoke_again(self, function, event):
        """In a container that is kept."""
        try:
            done = self.client.invoke(FunctionName=function, Payload=json.dumps(event))
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            sys.exit(f"{function} gave no answer: {error}\n{self.log.read_text()}")
        said = done["Payload"].read().decode()
        answer = json.loads(said) if said.strip() else None
        if done.get("FunctionError") or isinstance(answer, dict) and "errorType" in answer:
            sys.exit(f"{function} failed: {said}\n{self.log.read_text()}")
        return answer

    def http(self, function, event):
        """Status, headers in lower case, JSON body."""
        answer = self.invoke(function, event)
        body = answer.get("body") or ""
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body).decode()
        headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
        return answer["statusCode"], headers, json.loads(body) if body else None


def with_code_and_kms(path, binaries, url):
    """A copy of the template, beside it, in which each function has code, and `seal` finds KMS somewhere else: sam sets
    only the variables that the template declares."""
    path = pathlib.Path(path)
    template = yaml_parse(path.read_text())
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        binary, properties = resource["Metadata"]["BuildProperties"]["Binary"], resource["Properties"]
        # Functions that were not built have the source folder, from the template's globals.
        if (path.parent / properties.get("CodeUri", "") / "bootstrap").exists():
            print(f"{name}: from sam build")
        elif binaries:
            properties["CodeUri"] = str(folder_with_function(path.parent / "functions" / binary, binaries / binary))
            print(f"{name}: {binaries / binary}")
        else:
            sys.exit(f"{name} was not built")
    template["Resources"]["SealFunction"]["Properties"]["Environment"]["Variables"]["AWS_ENDPOINT_URL_KMS"] = url
    copied = path.with_name("life.yaml")
    copied.write_text(yaml_dump(template))
    return str(copied)


def folder_with_function(folder, binary):
    """A folder with that binary as a function's program; a link, because unoptimised programs are large."""
    folder.mkdir(parents=True, exist_ok=True)
    bootstrap = folder / "bootstrap"
    bootstrap.unlink(missing_ok=True)
    bootstrap.hardlink_to(binary)
    return folder.resolve()


def fixture(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def with_body(event, body):
    event["body"] = json.dumps(body)
    event["headers"]["content-length"] = str(len(event["body"]))
    return event


def submit(token, **changes):
    event = fixture("submit")
    event["headers"]["authorization"] = f"Bearer {token}"
    event["headers"]["idempotency-key"] = os.urandom(16).hex()
    return with_body(event, {**json.loads(event["body"]), **changes})


def of_request(name, token, request_id, body=None):
    """The fixture, about another request."""
    event = json.loads((EVENTS / f"{name}.json").read_text().replace(FIXTURE_ID, request_id))
    event["headers"]["authorization"] = f"Bearer {token}"
    return with_body(event, body) if body is not None else event


FIXTURE_ID = fixture("expire-deadline")["deadline"]["request_id"]


def make_table(arguments):
    """Makes the table out of the template's own definition."""
    template = yaml_parse(pathlib.Path(arguments.template).read_text())
    properties = copy.deepcopy(template["Resources"]["Table"]["Properties"])
    kept = {key: properties[key] for key in
            ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")}
    stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
    database = boto3.client("dynamodb", endpoint_url=arguments.dynamodb)
    database.create_table(TableName=TABLE, StreamSpecification=stream, **kept)
    database.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=properties["TimeToLiveSpecification"])


def seed(arguments):
    """The people in the table, with their tokens."""
    environment = {**os.environ, "AWS_ENDPOINT_URL_DYNAMODB": arguments.dynamodb, "COUNTERSIGN_TABLE": TABLE}
    done = subprocess.run([arguments.seed], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"the table could not be filled:\n{done.stderr}")
    return json.loads(done.stdout)


def wait_until(instant):
    """Sleeps until a time of the contract is over."""
    over = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    time.sleep(max(0.0, (over - datetime.now(timezone.utc)).total_seconds()) + 0.1)


def approved_life(sam, checks, people):
    alice, bob, dana = (people[name]["token"] for name in ("alice", "bob", "dana"))
    event = submit(alice)
    status, headers, request = sam.http("IntakeFunction", event)
    checks.equal("a submitted request is answered with 201", status, 201)
    if status != 201:
        sys.exit(f"cannot go on: {request}")
    checks.equal("it is pending", request["status"], "PENDING")
    checks.equal("it is alice's", request["requester"]["id"], people["alice"]["id"])
    checks.equal("its command is the submitted one", request["command"], json.loads(event["body"])["command"])
    checks.equal("it waits for the connection's group", [group["group"] for group in request["groups"]], ["dba-team"])
    checks.equal("Location leads to it", headers.get("location", "").endswith(f"/v1/requests/{request['id']}"), True)
    checks.equal("its page is below the public address", request["page"],
                 f"https://gate.example.com/requests/{request['id']}")

    status, _, again = sam.http("IntakeFunction", event)
    checks.equal("the same idempotency key gives the same request", (status, again["id"]), (201, request["id"]))

    status, headers, problem = sam.http("IntakeFunction", submit("cst_nobody"))
    checks.equal("a token of nobody is refused with 401", status, 401)
    checks.equal("and the way to sign in", "www-authenticate" in headers, True)
    checks.equal("as a problem", headers["content-type"].split(";")[0], "application/problem+json")
    checks.equal("that says its status", problem["status"], 401)

    vote = {"digest": request["digest"], "comment": "looks right"}
    status, _, _ = sam.http("CallbackFunction", of_request("approve", alice, request["id"], vote))
    checks.equal("alice cannot approve her own request", status, 403)
    status, _, _ = sam.http("CallbackFunction", of_request("approve", bob, request["id"], vote))
    checks.equal("to bob, who reviews nothing, it does not exist", status, 404)
    other = {"digest": "sha256:" + "0" * 64}
    status, _, _ = sam.http("CallbackFunction", of_request("approve", dana, request["id"], other))
    checks.equal("a vote on other bytes is refused with 412", status, 412)

    status, _, approved = sam.http("CallbackFunction", of_request("approve", dana, request["id"], vote))
    checks.equal("dana's approval is accepted", status, 200)
    checks.equal("it is all that was needed", approved["status"], "APPROVED")
    decisions = approved["groups"][0]["decisions"]
    checks.equal("the decision names dana", [one["user"]["id"] for one in decisions], [people["dana"]["id"]])
    status, _, same = sam.http("CallbackFunction", of_request("approve", dana, request["id"], vote))
    checks.equal("the identical vote again changes nothing", (status, same["version"]), (200, approved["version"]))

    # Asked for by an invocation that may come twice. There is no target here: what is seen is that one
    # invocation wins the claim and writes down what became of it.
    execute = {**fixture("execute"), "request_id": request["id"], "requested_by": people["alice"]["id"]}
    checks.equal("execute claims it", sam.invoke("ExecuteFunction", execute), {"ran": True, "status": "FAILED"})
    checks.equal("an invocation that comes twice goes away", sam.invoke("ExecuteFunction", execute), {"ran": False})
    status, _, failed = sam.http("ConsoleFunction", of_request("show", alice, request["id"]))
    checks.equal("its requester sees that it failed", (status, failed["status"]), (200, "FAILED"))
    checks.equal("and why", failed["execution"]["error"].startswith("not started: "), True)
    return request["id"]


def expired_life(sam, checks, people):
    alice, dana = (people[name]["token"] for name in ("alice", "dana"))
    status, _, request = sam.http("IntakeFunction", submit(alice, timeout_seconds=2))
    checks.equal("a second request with a short time limit is taken in", status, 201)
    if status != 201:
        sys.exit(f"cannot go on: {request}")
    wait_until(request["expires_at"])

    event = json.loads((EVENTS / "expire-deadline.json").read_text().replace(FIXTURE_ID, request["id"]))
    sam.invoke("ExpireFunction", event)
    status, _, shown = sam.http("ConsoleFunction", of_request("show", alice, request["id"]))
    checks.equal("its requester sees that it expired", (status, shown["status"]), (200, "EXPIRED"))
    checks.equal("expire wrote that down", shown["version"], request["version"] + 1)
    sam.invoke("ExpireFunction", event)
    sam.invoke("ExpireFunction", fixture("expire-sweep"))
    _, _, still = sam.http("ConsoleFunction", of_request("show", alice, request["id"]))
    checks.equal("a second firing and the sweep change nothing", still["version"], shown["version"])

    late = of_request("approve", dana, request["id"], {"digest": request["digest"]})
    status, _, problem = sam.http("CallbackFunction", late)
    checks.equal("an approval after the end is refused with 409", status, 409)
    checks.equal("which says what became of it", problem.get("status_now"), "EXPIRED")


def of_api(method, path, token, body):
    """A call of the API that has no fixture of its own."""
    event = of_request("show", token, FIXTURE_ID)
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["headers"]["content-type"] = "application/json"
    return with_body(event, body)


def of_slack(path, fields, secret=SLACK_SECRET):
    """The fixture with a form that Slack's own library signed just now."""
    event = json.loads((EVENTS / "slack-interaction.json").read_text().replace("/slack/interactions", path))
    form, second = urllib.parse.urlencode(fields), str(int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=second, body=form)
    event["headers"].update({"content-length": str(len(form)), "x-slack-request-timestamp": second,
                             "x-slack-signature": signature})
    event["body"] = base64.b64encode(form.encode()).decode()
    return event


def slack_life(sam, checks, people):
    """dana proves who she is in Slack, and approves with the button of a message."""
    alice, dana, root = (people[name]["token"] for name in ("alice", "dana", "root"))
    settings = {"bot_token": "env:SLACK_BOT_TOKEN", "signing_secret": "env:SLACK_SIGNING_SECRET",
                "app_id": SLACK_APP, "team_id": SLACK_TEAM}
    status, _, _ = sam.http("ConsoleFunction", of_api("PUT", "/v1/integrations/slack", root, settings))
    checks.equal("root sets Slack up", status, 200)
    wish = of_api("POST", "/v1/me/slack-links", dana, {"slack_user_id": SLACK_USER})
    status, _, link = sam.http("ConsoleFunction", wish)
    checks.equal("dana is given a code that links her Slack user", status, 201)
    typed = {"command": "/countersign", "text": f"link {link['code']}", "api_app_id": SLACK_APP,
             "team_id": SLACK_TEAM, "user_id": SLACK_USER, "channel_id": "C0OPS", "trigger_id": "1.2.3"}
    status, _, said = sam.http("CallbackFunction", of_slack("/slack/commands", typed))
    checks.equal("she enters it in Slack", (status, said["response_type"]), (200, "ephemeral"))

    status, _, request = sam.http("IntakeFunction", submit(alice))
    checks.equal("a third request is taken in", status, 201)
    if status != 201:
        sys.exit(f"cannot go on: {request}")
    press = {"payload": json.dumps({
        "type": "block_actions", "api_app_id": SLACK_APP, "team": {"id": SLACK_TEAM},
        "user": {"id": SLACK_USER, "team_id": SLACK_TEAM}, "channel": {"id": "C0OPS"}, "trigger_id": "1.2.3",
        "actions": [{"action_id": "approve", "value": f"{request['id']} {request['digest']}"}]})}
    status, _, _ = sam.http("CallbackFunction", of_slack("/slack/interactions", press, secret="0" * 32))
    checks.equal("a press that somebody else signed is refused with 401", status, 401)
    status, _, said = sam.http("CallbackFunction", of_slack("/slack/interactions", press))
    checks.equal("a press of Approve that Slack signed is taken without a word", (status, said), (200, None))
    _, _, approved = sam.http("ConsoleFunction", of_request("show", alice, request["id"]))
    checks.equal("the request is approved", approved["status"], "APPROVED")
    votes = [(one["user"]["id"], one["via"]) for one in approved["groups"][0]["decisions"]]
    checks.equal("by dana, through Slack", votes, [(people["dana"]["id"], "slack")])


def stream(sam, checks):
    """What is not of a state item asks for nothing; what asks for a timer needs the Scheduler, which is not here."""
    event = fixture("dispatch-state")
    for part in (event["Records"][0]["dynamodb"]["Keys"], event["Records"][0]["dynamodb"]["NewImage"]):
        part["sk"]["S"] = "E#00000001"
    checks.equal("dispatch reads the stream", sam.invoke("DispatchFunction", event), {"batchItemFailures": []})


def telling(sam, checks):
    """A webhook that was deleted after its event was asked for: read, and nothing is sent."""
    checks.equal("deliver leaves what nobody wants any more", sam.invoke("DeliverFunction", fixture("deliver-commit")),
                 {"attempted": 0})


def runners(sam, checks, people):
    """A poll by somebody who is no runner; a token of one needs an admin's call to console first."""
    event = of_request("show", people["alice"]["token"], FIXTURE_ID)
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/v1/runner/work"
    status, _, problem = sam.http("RunnersFunction", event)
    checks.equal("runners gives work to runners only", (status, problem["type"].rsplit("/", 1)[-1]), (403, "forbidden"))


def sealing(sam, checks, people, kms, request_id, happened):
    """A minute is sealed when it is over, and a few seconds more. The key is in the stand-in for KMS, which signs by
    another library; so does what verifies the receipt."""
    wait_until((happened.replace(second=0, microsecond=0) + timedelta(seconds=80)).isoformat())
    sealed = sam.invoke("SealFunction", fixture("seal"))
    checks.equal("seal makes one checkpoint", sealed["checkpoints"], 1)
    checks.equal("of what happened", sealed["events"] >= 5, True)
    checks.equal("KMS was asked for its key, and to sign", kms.calls, ["GetPublicKey", "Sign"])
    event = of_request("show", people["alice"]["token"], request_id)
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"/v1/requests/{request_id}/receipt"
    status, _, receipt = sam.http("ConsoleFunction", event)
    checks.equal("the request has a receipt now", status, 200)
    path = sam.folder / "receipt.json"
    path.write_text(json.dumps(receipt))
    verified = subprocess.run([sys.executable, str(ROOT / "docs" / "verify_receipt.py"), str(path), kms.public_key()],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    checks.equal("which another program verifies", (verified.returncode, verified.stderr), (0, ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", required=True, help="template that `sam build` wrote")
    parser.add_argument("--binaries", type=pathlib.Path, help="folder with the programs of functions that it did not build")
    parser.add_argument("--image", required=True, help="image in which functions run")
    parser.add_argument("--architecture", required=True, help="what the functions were built for")
    parser.add_argument("--dynamodb", required=True, help="URL of DynamoDB Local")
    parser.add_argument("--dynamodb-from-containers", required=True, help="the same as containers reach it")
    parser.add_argument("--seed", required=True, help="program that fills the table")
    arguments = parser.parse_args()
    # So that containers are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    make_table(arguments)
    people = seed(arguments)
    checks, kms = Checks(), Kms()
    with tempfile.TemporaryDirectory() as folder, Sam(arguments, pathlib.Path(folder), kms) as sam:
        request_id = approved_life(sam, checks, people)
        happened = datetime.now(timezone.utc)
        expired_life(sam, checks, people)
        slack_life(sam, checks, people)
        stream(sam, checks)
        telling(sam, checks)
        runners(sam, checks, people)
        sealing(sam, checks, people, kms, request_id, happened)
    return checks.report()


if __name__ == "__main__":
    sys.exit(main())

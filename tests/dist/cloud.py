"""The packaged template, and the functions beside it."""

import contextlib
import copy
import os
import stat
import subprocess
import zipfile

import boto3
from checks import ROOT, free_port, wait_for_port
from samcli.yamlhelper import yaml_parse

BUCKET = "countersign-dist"


def check(checks, dist, bench, work):
    template = yaml_parse((dist.cloud_folder / "template.yaml").read_text())
    functions = check_template(checks, template)
    check_zips(checks, dist.cloud_folder, functions)
    environment = without_toolchain()
    checks.succeeds("cfn-lint accepts the template", ["cfn-lint", "template.yaml"], cwd=dist.cloud_folder, env=environment)
    # The defaults come from the samconfig.toml beside it.
    checks.succeeds("sam validate accepts the template", ["sam", "validate"], cwd=dist.cloud_folder, env=environment)
    with moto_server(work) as moto:
        check_packaging(checks, dist.cloud_folder, functions, moto, environment)
    artifacts = work / "functions"
    for function, path in functions.items():
        with zipfile.ZipFile(dist.cloud_folder / path) as archive:
            bootstrap = artifacts / function / "bootstrap"
            bootstrap.parent.mkdir(parents=True)
            bootstrap.write_bytes(archive.read("bootstrap"))
            bootstrap.chmod(0o755)
    answers = checks.succeeds("every function answers in the runtime API", [bench, "answers", "--artifacts", artifacts])
    checks.equal("all functions were asked", sorted(line.split()[0] for line in answers.splitlines()), sorted(functions))


@contextlib.contextmanager
def moto_server(work):
    """S3, by moto. Gives its URL."""
    port = free_port()
    with open(work / "moto.log", "w") as log:
        server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
                                  stdin=subprocess.DEVNULL)
        try:
            wait_for_port(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def without_toolchain():
    """The environment without Cargo."""
    folders = [folder for folder in os.environ["PATH"].split(":")
               if not any(os.path.exists(os.path.join(folder, name)) for name in ("cargo", "rustc"))]
    return os.environ | {"PATH": ":".join(folders)}


def check_template(checks, packaged):
    """Compares with the source; gives the archive of each function by its name."""
    source = yaml_parse((ROOT / "infra" / "template.yaml").read_text())
    functions = {}
    expected = copy.deepcopy(source)
    del expected["Globals"]["Function"]["CodeUri"]
    for name, resource in expected["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            function = resource.pop("Metadata")["BuildProperties"]["Binary"]
            resource["Properties"]["CodeUri"] = functions[function] = f"functions/{function}/bootstrap.zip"
    architecture = packaged["Parameters"]["Architecture"]["Default"]
    expected["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    checks.true("there are nine functions or more", len(functions) >= 9, sorted(functions))
    checks.true("the packaged template is the source's, save for the code and the architecture",
                packaged == expected, differences(packaged, expected))
    return functions


def differences(one, other, path=""):
    """Paths at which two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = list(one.keys() | other.keys())
        return [found for key in keys for found in differences(one.get(key), other.get(key), f"{path}/{key}")]
    return [] if one == other else [f"{path}: {one!r} and {other!r}"]


def check_zips(checks, folder, functions):
    for function, path in functions.items():
        with zipfile.ZipFile(folder / path) as archive:
            entries = [(entry.filename, stat.filemode(entry.external_attr >> 16)) for entry in archive.infolist()]
        checks.equal(f"{path} has one executable file", entries, [("bootstrap", "-rwxr-xr-x")])


def check_packaging(checks, folder, functions, moto, environment):
    """`sam package` is what `sam deploy` does first: it uploads the code."""
    s3 = boto3.client("s3", endpoint_url=moto, region_name="eu-central-1")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    packaged = checks.succeeds(
        "sam package uploads the functions without a Rust toolchain",
        ["sam", "package", "--template-file", "template.yaml", "--s3-bucket", BUCKET, "--region", "eu-central-1"],
        cwd=folder, env=environment | {"AWS_ENDPOINT_URL": moto})
    resources = yaml_parse(packaged[packaged.index("AWSTemplateFormatVersion"):])["Resources"]
    uploaded = [resource["Properties"]["CodeUri"] for resource in resources.values()
                if resource["Type"] == "AWS::Serverless::Function"]
    bodies = {s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read() for uri in uploaded}
    checks.equal("what is uploaded are the archives", bodies, {(folder / path).read_bytes() for path in functions.values()})

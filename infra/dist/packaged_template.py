"""The template of a release, made from infra/template.yaml: its functions are ZIP archives beside it."""

import json
import tomllib

from samcli.yamlhelper import yaml_dump, yaml_parse

BUILD_METHOD = "rust-cargolambda"
HEADER = """\
# Countersign {version} for {architecture}. Made from infra/template.yaml of the source by infra/dist/dist:
# the functions are archives beside this file, so that deploying needs no compiler. README.md has the commands.

"""


class TemplateError(Exception):
    """infra/template.yaml is not as this module expects it."""


def code_path(function):
    """Where the code of a function is, relative to the template."""
    return f"functions/{function}/bootstrap.zip"


def functions(path):
    """Names of the functions, which are those of their binaries."""
    return sorted(binary for _, binary in built_functions(yaml_parse(path.read_text())))


def built_functions(template):
    """Resources that `sam build` compiles, each with the name of its binary."""
    found = []
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        metadata = resource.get("Metadata", {})
        if metadata.get("BuildMethod") != BUILD_METHOD or "Binary" not in metadata.get("BuildProperties", {}):
            raise TemplateError(f"{name} is not built by {BUILD_METHOD} from a binary that is named")
        found.append((resource, metadata["BuildProperties"]["Binary"]))
    if not found:
        raise TemplateError("no functions")
    return found


def package(path, architecture, version):
    """Text of the packaged template."""
    template = yaml_parse(path.read_text())
    for resource, binary in built_functions(template):
        for key in ("BuildMethod", "BuildProperties"):
            del resource["Metadata"][key]
        if not resource["Metadata"]:
            del resource["Metadata"]
        resource["Properties"]["CodeUri"] = code_path(binary)
    del template["Globals"]["Function"]["CodeUri"]
    # The archives are for one architecture; another one would deploy and then not start.
    template["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    return HEADER.format(version=version, architecture=architecture) + yaml_dump(template)


def sam_configuration(path):
    """Text of the samconfig.toml beside the template: the defaults of `sam deploy` without those of `sam build`."""
    default = tomllib.loads(path.read_text())["default"]
    beside = {"template_file": "template.yaml"}
    sections = {
        "global": {key: value for key, value in default["global"]["parameters"].items() if key != "beta_features"},
        "validate": default["validate"]["parameters"] | beside,
        "deploy": default["deploy"]["parameters"] | beside,
    }
    lines = ["version = 0.1"]
    for section, parameters in sections.items():
        lines += ["", f"[default.{section}.parameters]"]
        # JSON's texts, numbers and truth values are TOML's as well.
        lines += [f"{key} = {json.dumps(value)}" for key, value in parameters.items()]
    return "\n".join(lines) + "\n"

"""Software bill of materials in CycloneDX, from Cargo's own resolution of what is built."""

import datetime
import json
import re
import subprocess
import tomllib
import uuid

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

# Identifiers are derived from this and the content.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://countersign.dev/sbom")


class SbomError(Exception):
    """The document would not be valid."""


def describe(root, triple, version, epoch, packages):
    """Text of the document: the crates in the binaries of `packages`, and, marked as excluded, those that only
    build scripts use."""
    shipped = resolved(root, triple, packages, "normal")
    built_with = resolved(root, triple, packages, "normal,build")
    metadata = json.loads(cargo(root, "metadata", "--format-version", "1", "--filter-platform", triple))
    checksums = {(package["name"], package["version"]): package.get("checksum")
                 for package in tomllib.loads((root / "Cargo.lock").read_text())["package"]}

    bom = Bom()
    components = {}
    for package in metadata["packages"]:
        key = (package["name"], package["version"])
        if key in built_with:
            scope = ComponentScope.REQUIRED if key in shipped else ComponentScope.EXCLUDED
            components[package["id"]] = component(package, scope, checksums[key])
    for node in metadata["resolve"]["nodes"]:
        if node["id"] in components:
            needed = [components[dep["pkg"]] for dep in node["deps"] if dep["pkg"] in components and is_needed(dep)]
            bom.components.add(components[node["id"]])
            bom.register_dependency(components[node["id"]], needed)
    bom.metadata.component = Component(
        name="countersign", version=version, type=ComponentType.APPLICATION, bom_ref="countersign",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")])
    names = {component.name: component for component in components.values()}
    bom.register_dependency(bom.metadata.component, [names[package] for package in packages])
    bom.metadata.timestamp = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    content = "\n".join(sorted(components)) + triple + version
    bom.serial_number = uuid.uuid5(NAMESPACE, content)

    text = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise SbomError(str(error))
    return text


def cargo(root, *arguments):
    return subprocess.run(["cargo", *arguments, "--locked", "--offline"], cwd=root, capture_output=True, text=True,
                          check=True).stdout


def resolved(root, triple, packages, edges):
    """Name and version of the crates that a build of `packages` takes, with the features that it takes."""
    chosen = [argument for package in packages for argument in ("--package", package)]
    tree = cargo(root, "tree", *chosen, "--target", triple, "--edges", edges, "--prefix", "none", "--format", "{p}")
    return {tuple(found.groups()) for found in re.finditer(r"^(\S+) v(\S+)", tree, re.MULTILINE)}


def is_needed(dependency):
    """Whether an edge is more than one for tests."""
    return any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])


def component(package, scope, checksum):
    name, version = package["name"], package["version"]
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else []
    # Older crates write `MIT/Apache-2.0`.
    licence = (package["license"] or "").replace("/", " OR ")
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, scope=scope, hashes=hashes,
        bom_ref=f"{name}@{version}", purl=PackageURL("cargo", None, name, version),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [])

#!/usr/bin/env python3
"""Checks the files that infra/dist/dist wrote. Ends with `test result: ok. N passed; N failed`."""

import argparse
import pathlib
import sys

import archive
import bare_root
import cloud
import images
import workflows
from checks import Checks


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=pathlib.Path, required=True, help="the release")
    parser.add_argument("--again", type=pathlib.Path, required=True, help="a second build of it")
    parser.add_argument("--bench", type=pathlib.Path, required=True, help="the program countersign-bench")
    parser.add_argument("--debian", type=pathlib.Path,
                        help="root folder of a minimal Debian; not given, the program runs beside its libraries alone")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for temporary files")
    parser.add_argument("--glibc", help="newest allowed symbol version; not given, the binaries are a test build's")
    parser.add_argument("--image-base", help="base of the container images; not given, none are built")
    arguments = parser.parse_args()

    checks = Checks()
    dist = archive.Dist(arguments.dist.resolve(), arguments.work / "unpacked")
    archive.check(checks, dist, arguments.again.resolve(), arguments.glibc)
    cloud.check(checks, dist, arguments.bench.resolve(), arguments.work)
    bare_root.check(checks, dist, arguments.debian or bare_root.libraries_alone(dist, arguments.work), arguments.work)
    if arguments.image_base:
        images.check(checks, dist, arguments.image_base)
    workflows.check(checks)
    return checks.report()


if __name__ == "__main__":
    sys.exit(main())

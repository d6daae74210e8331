"""The container images: `serve` and `runner`."""

import json
import time
import uuid

from checks import output


def check(checks, dist, base):
    run = uuid.uuid4().hex[:8]
    tags = {target: f"countersign-dist-{target}:{run}" for target in ("serve", "runner")}
    service, runner, volume = f"countersign-serve-{run}", f"countersign-runner-{run}", f"countersign-data-{run}"
    try:
        for target, tag in tags.items():
            checks.succeeds(
                f"the image {target} is built from the archive",
                ["docker", "build", "--quiet", "--file", dist.folder / "Containerfile", "--target", target, "--tag", tag,
                 "--build-arg", f"VERSION={dist.version}", "--build-arg", f"TARGET={dist.target}",
                 "--build-arg", f"BASE={base}", "--build-arg", f"CERTIFICATES={base}", dist.folder])
            checks.equal(f"the image {target} runs as another user than root",
                         output("docker", "image", "inspect", "--format", "{{.Config.User}}", tag).strip(), "10001")
            tools = output("docker", "run", "--rm", "--entrypoint", "sh", tag, "-c", "command -v cargo rustc cc gcc || true")
            checks.equal(f"the image {target} has no compiler", tools, "")

        token = output("docker", "run", "--rm", "--volume", f"{volume}:/data", tags["serve"],
                       "bootstrap", "--data", "/data", "--email", "root@example.com").strip()
        output("docker", "run", "--detach", "--name", service, "--volume", f"{volume}:/data",
               "--env", f"COUNTERSIGN_TOKEN={token}", tags["serve"])
        checks.equal("the service becomes healthy", health(service), "healthy")

        def countersign(*words):
            return output("docker", "exec", service, "countersign", *words)

        me = json.loads(countersign("whoami", "-o", "json"))
        checks.equal("the admin of the volume is known", (me["email"], me["roles"]), ("root@example.com", ["admin"]))
        account = json.loads(countersign("users", "create", "runner@example.com", "--owner", me["id"], "-o", "json"))
        countersign("connections", "create", "ops", "--kind", "runner", "--target", 'program=["bash","-s"]', "--approvals", "off")
        runners_token = countersign("tokens", "create", "ops", "--user", account["id"], "--runner", "ops").strip()
        output("docker", "run", "--detach", "--name", runner, "--network", f"container:{service}",
               "--env", f"COUNTERSIGN_TOKEN={runners_token}", tags["runner"], "--program", "ops=bash -s")
        checks.equal("a command runs in the runner's container", countersign("exec", "ops", "echo from $(id --user)"),
                     "from 10001\n")
        checks.equal("the runner becomes healthy", health(runner), "healthy")
        output("docker", "stop", "--time", "20", service)
        code = output("docker", "inspect", "--format", "{{.State.ExitCode}}", service).strip()
        checks.equal("the service stops cleanly", code, "0")
    finally:
        for command in (["rm", "--force", service, runner], ["volume", "rm", "--force", volume], ["image", "rm", *tags.values()]):
            try:
                output("docker", *command)
            except RuntimeError as error:
                print(error)


def health(container):
    """The verdict of the image's health check, once there is one."""
    for _ in range(120):
        state = json.loads(output("docker", "inspect", "--format", "{{json .State}}", container))
        if state["Health"]["Status"] != "starting" or not state["Running"]:
            return state["Health"]["Status"]
        time.sleep(0.5)
    return "starting"

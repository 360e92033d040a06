"""Drafts a deployment of 300 operations from an OpenAPI document, gives it 1,000 policies and 500 cases, and times
what its author waits for. Prints the median and the slowest of all runs, in milliseconds."""

import json
import pathlib
import statistics
import subprocess
import sys
import time

palisade, folder, runs = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
KINDS = 60


def document():
    """Five operations of each kind."""
    paths = {}
    for number in range(KINDS):
        kind = f"k{number:02}"
        one = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}
        paths[f"/app/v1/{kind}"] = {"get": {"operationId": f"{kind}/list"}, "post": {"operationId": f"{kind}/create"}}
        paths[f"/app/v1/{kind}/{{id}}"] = {
            method: {"operationId": f"{kind}/{verb}"} | one
            for method, verb in (("get", "get"), ("put", "update"), ("delete", "delete"))
        }
    return {"openapi": "3.1.0", "info": {"title": "Bench", "version": "1"}, "paths": paths}


def policy(number):
    """Forbids that apply and are not met, so that all cases stay what they are."""
    kind = f"k{number % KINDS:02}"
    return f"""@id("rule-{number}")
@reason("held back")
forbid (
  principal,
  action in [Tenancy::Action::"app/{kind}/update", Tenancy::Action::"app/{kind}/delete"],
  resource is Tenancy::Resource
)
when {{ resource has id && resource.id == "held-{number}" }}
unless {{ principal in resource.role.admin && context.tenant.plan == "enterprise" }};
"""


def draft(name, policies, cases):
    """A deployment with so many policies beside the three of the draft, and so many cases."""
    at = folder / name
    spec = folder / "bench.json"
    spec.write_text(json.dumps(document()))
    subprocess.run([palisade, "init", at, "--openapi", f"app={spec}"], check=True, capture_output=True)
    for first in range(0, policies, 50):
        text = "\n".join(policy(number) for number in range(first, min(first + 50, policies)))
        (at / "policies" / f"more-{first:04}.cedar").write_text(text)
    tests = at / "policies/tests/app.yaml"
    head, *rest = tests.read_text().split("\n  - name: ")
    tests.write_text("\n  - name: ".join([head, *rest[:cases]]) + "\n")
    return at


def timed(*arguments, code=0):
    spent = []
    for _ in range(runs):
        begun = time.perf_counter()
        ran = subprocess.run([palisade, *arguments], capture_output=True, text=True)
        spent.append(time.perf_counter() - begun)
        assert ran.returncode == code, ran.stdout + ran.stderr
    return spent, ran.stdout


def tell(what, bound, spent):
    middle, most = (round(value * 1000) for value in (statistics.median(spent), max(spent)))
    print(f"{what:56} {middle:5} ms, at most {most:5} ms (bound {bound})", flush=True)


def watch(at):
    """From the save of a policy to the sum of the run after it."""
    child = subprocess.Popen([palisade, "test", "--watch", "--config", at / "palisade.yaml"], stdout=subprocess.PIPE, text=True)
    spent = []
    try:
        summed(child)
        for number in range(runs * 2):
            path = at / "policies/more-0000.cedar"
            time.sleep(0.2)
            begun = time.perf_counter()
            path.write_text(path.read_text() + f"// save {number}\n")
            summed(child)
            spent.append(time.perf_counter() - begun)
    finally:
        child.terminate()
        child.wait()
    return spent


def summed(child):
    for line in child.stdout:
        if " passed, " in line:
            assert " 0 failed" in line, line
            return
    raise AssertionError("it ended")


folder.mkdir()
large = draft("large", 997, 500)
config = ("--config", str(large / "palisade.yaml"))
spent, said = timed("check", *config)
tell("check: 1,000 policies, 300 operations", "1500 ms", spent)
spent, said = timed("test", *config)
assert "500 passed, 0 failed" in said, said
tell("test: 500 cases, 1,000 policies", "1000 ms", spent)
small = draft("small", 37, 200)
config = ("--config", str(small / "palisade.yaml"))
asked = ("explain", "DELETE /app/v1/k07/held-7", "--as", "viewer", "--fixtures", str(small / "policies/tests/app.yaml"))
spent, said = timed(*asked, *config)
tell("explain: a denial, with what would change it; 40 policies", "50 ms", spent)
spent, said = timed("prove", "isolation", *config)
assert "9 proved, 0 refuted" in said, said
tell("prove isolation: 9 specs", "2000 ms", spent)
tell("test --watch: 40 policies, 200 cases, from save to sum", "300 ms", watch(small))

"""The rules of deploy/egress: they load, they are what clusters take, and they close the way round."""

import re

from lab import CLIENT, GATEWAY, HUB, ROOT, Failure, Lab, run, wait_for

RULES = ROOT / "deploy/egress/lazaret.nft"


def cases(suite):
    suite.case("networks: nft takes the rules as they are", takes)
    for name in ["networkpolicy.yaml", "cilium.yaml"]:
        suite.case(f"networks: {name} is read", read, name)
    suite.case("networks: with the rules a client reaches Lazaret and no registry", closed, suite.lab)


def takes():
    run(["nft", "-c", "-f", RULES])


def read(name: str):
    """A YAML reader takes each document, and each says what it is and lets nothing out but what it lists."""
    import yaml
    documents = list(yaml.safe_load_all((ROOT / "deploy/egress" / name).read_text()))
    for document in documents:
        missing = {"apiVersion", "kind", "metadata", "spec"} - document.keys()
        if missing or not document["spec"].get("egress"):
            raise Failure(f"{document.get('kind')}: without {missing or 'egress'}")
        for rule in document["spec"]["egress"]:
            if not any(key.startswith("to") for key in rule):
                raise Failure(f"{document['kind']}: a rule for every destination: {rule}")


def closed(lab: Lab):
    """The rules at work, with the addresses of this lab. They belong on a router; the hub is the bridge between all."""
    text = RULES.read_text()
    for name, value in [("LAZARET", GATEWAY), ("CLIENTS", CLIENT), ("OTHERS", "192.0.2.20")]:
        text, found = re.subn(rf"define {name} = {{[^}}]*}}", f"define {name} = {{ {value} }}", text)
        if found != 1:
            raise Failure(f"no definition of {name}")
    # The registries of the lab are on the bridge itself: what is forwarded on a router comes in here.
    text = text.replace("hook forward", "hook input")
    rules = lab.dir / "lab.nft"
    rules.write_text(text)
    wait_for("the registry, to begin with", lambda: answers(lab, HUB, 443))
    run(["nsenter", "--net=/run/netns/lz-hub", "nft", "-f", rules])
    try:
        for port in (80, 443, 5000, 8443):
            if answers(lab, HUB, port):
                raise Failure(f"port {port} of the registry is reached")
        turned = run(["nsenter", "--net=/run/netns/lz-hub", "nft", "list", "set", "inet", "lazaret", "turned_away"]).stdout
        if f"{CLIENT} . {HUB} . 443" not in turned:
            raise Failure(f"what was turned away is not counted: {turned}")
        wait_for("Lazaret", lambda: answers(lab, GATEWAY, 443))
    finally:
        run(["nsenter", "--net=/run/netns/lz-hub", "nft", "delete", "table", "inet", "lazaret"])
    wait_for("the registry, once the rules are gone", lambda: answers(lab, HUB, 443))


def answers(lab: Lab, address: str, port: int) -> bool:
    probe = ["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
    return lab.client(probe).returncode == 0

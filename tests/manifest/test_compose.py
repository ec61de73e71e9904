from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from swarmpy.errors import InvalidInput, InvalidManifest
from swarmpy.manifest.load import LoadedStack, load_stack
from swarmpy.pb.specs_pb2 import (
    CONCURRENCY_POLICY_FORBID,
    DEPENDENCY_CONDITION_COMPLETED,
    DEPENDENCY_CONDITION_HEALTHY,
    DEPENDENCY_CONDITION_STARTED,
    ServiceSpec,
)
from swarmpy.pb.types_pb2 import (
    FAILURE_ACTION_ROLLBACK,
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_VOLUME,
    PROTOCOL_UDP,
    PUBLISH_MODE_HOST,
    RESTART_CONDITION_ON_FAILURE,
    UPDATE_ORDER_START_FIRST,
)

Load: TypeAlias = Callable[..., LoadedStack]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_text(text: str, **environment: str) -> LoadedStack:
        path = tmp_path / "stack.yaml"
        path.write_text(text)
        return load_stack([path], name="shop", environment=environment)

    return from_text


def only(loaded: LoadedStack) -> ServiceSpec:
    assert len(loaded.spec.services) == 1
    return loaded.spec.services[0]


WHOLE = """
services:
  web:
    image: hello:1
    entrypoint: ["/bin/sh", "-c"]
    command: "serve --name 'two words'"
    environment: {A: 1, B: null, C: "${WHO:-nobody}"}
    ports:
      - "8080:80"
      - {target: 53, published: "5353", protocol: udp, mode: host}
    volumes: ["data:/var/lib", "./site:/www:ro"]
    networks: {back: {aliases: [api]}}
    configs: [{source: page, target: /www/page, mode: 0440}]
    secrets: [key]
    healthcheck: {test: "wget -q localhost", interval: 1s, retries: 2}
    hostname: web
    user: "1000"
    working_dir: /srv
    stop_signal: SIGINT
    stop_grace_period: 1m30s
    depends_on: {db: {condition: service_healthy}}
    deploy:
      replicas: 3
      labels: {tier: front}
      resources:
        limits: {cpus: "0.5", memory: 64m, pids: 10}
        reservations: {cpus: 0.25}
      restart_policy: {condition: on-failure, delay: 2s, max_attempts: 4, window: 1m}
      update_config: {parallelism: 2, order: start-first, failure_action: rollback, monitor: 3s}
      placement:
        constraints: [node.role == worker]
        preferences: [{spread: node.labels.zone}]
        max_replicas_per_node: 2
  db: {image: db}
networks: {back: {internal: true}}
volumes: {data: {}}
configs: {page: {content: "hi"}}
secrets: {key: {environment: KEY}}
"""


def test_a_whole_service_is_read(load: Load) -> None:
    stack = load(WHOLE, KEY="s3cret").spec
    web = stack.services[0]
    container = web.task.containers[0]
    assert (web.name, container.image) == ("shop_web", "hello:1")
    assert list(container.command) == ["/bin/sh", "-c"]
    assert list(container.args) == ["serve", "--name", "two words"]
    assert dict(container.environment) == {"A": "1", "C": "nobody"}
    assert [(p.published, p.target) for p in web.endpoint.ports] == [(8080, 80), (5353, 53)]
    assert web.endpoint.ports[1].protocol == PROTOCOL_UDP
    assert web.endpoint.ports[1].mode == PUBLISH_MODE_HOST
    kinds = [(mount.type, mount.target, mount.read_only) for mount in container.mounts]
    assert kinds == [(MOUNT_TYPE_VOLUME, "/var/lib", False), (MOUNT_TYPE_BIND, "/www", True)]
    assert container.mounts[0].source == "shop_data"
    assert [(n.network, list(n.aliases)) for n in web.task.networks] == [("shop_back", ["api"])]
    assert (container.configs[0].target, container.configs[0].mode) == ("/www/page", 0o440)
    assert container.secrets[0].target == "/run/secrets/key"
    assert list(container.health_check.test) == ["CMD-SHELL", "wget -q localhost"]
    assert container.stop_grace_s == 90
    assert [(wait.service, wait.condition) for wait in web.depends_on] == [
        ("shop_db", DEPENDENCY_CONDITION_HEALTHY)
    ]
    assert web.replicated.replicas == 3
    assert web.labels["tier"] == "front"
    assert web.task.limits.nano_cpus == 500_000_000
    assert web.task.limits.memory_bytes == 64 << 20
    assert web.task.reservations.nano_cpus == 250_000_000
    assert web.task.restart.condition == RESTART_CONDITION_ON_FAILURE
    assert (web.task.restart.max_attempts, web.task.restart.window_s) == (4, 60)
    assert web.update.order == UPDATE_ORDER_START_FIRST
    assert web.update.failure_action == FAILURE_ACTION_ROLLBACK
    assert list(web.task.placement.spread) == ["node.labels.zone"]
    assert [network.name for network in stack.networks] == ["shop_back", "shop_default"]
    assert stack.secrets[0].data == b"s3cret"
    assert stack.configs[0].data == b"hi"


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("imgae: x", "1:27 services.web: unknown key 'imgae', did you mean 'image'?"),
        ("image: x, ports: [99999]", "services.web.ports[0]: found '99999'"),
        ("image: x, ports: ['80:80:80:80']", "leave the address out"),
        ("image: x, ports: ['1-3:1-2']", "expected [PUBLISHED:]TARGET"),
        ("image: x, deploy: {replicas: many}", "replicas: found 'many', expected a whole number"),
        ("image: x, deploy: {replicas: -1}", "-1 is too small"),
        ("image: x, deploy: {mode: global, replicas: 2}", "has no meaning in mode global"),
        ("image: x, build: .", "'build' is not supported, build the image first"),
        ("image: x, volumes: ['nowhere:/x']", "volume 'nowhere' is not declared"),
        ("image: x, networks: [nowhere]", "network 'nowhere' is not declared"),
        ("image: x, secrets: [nowhere]", "'nowhere' is not declared"),
        ("image: x, depends_on: [nowhere]", "service 'nowhere' is not in this file"),
        ("image: x, depends_on: [web]", "waits for itself"),
        ("image: x, restart: maybe", "expected no, always"),
        ('image: x, command: "a \'b"', "no closing quotation"),
        ("image: x, healthcheck: {test: [echo]}", "begins with neither CMD nor CMD-SHELL"),
        ("image: x, stop_grace_period: 5", "expected a duration"),
        ("image: [x]", "found a list, expected text"),
        ("command: x", "services.web.image: is missing"),
        ("image: '${TAG:?set it}'", "variable TAG is not set: set it"),
        ("image: x, env_file: nowhere.env", "nowhere.env: No such file"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(load: Load, field: str, fault: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        load("services: {web: {         " + field + "}}")
    assert fault in caught.value.message
    assert "stack.yaml:1:" in caught.value.message


def test_all_faults_are_told_at_once_in_the_order_of_the_file(load: Load) -> None:
    with pytest.raises(InvalidManifest) as caught:
        load("services:\n  a: {image: x, foo: 1}\n  b: {restart: 7}\nwhat: 1\n")
    places = [line.split(" ")[0].rsplit("yaml", 1)[1] for line in str(caught.value).splitlines()]
    assert places == [":2:17", ":3:6", ":3:16", ":4:1"]


def test_harmless_keys_are_warned_about(load: Load) -> None:
    loaded = load("version: '3'\nservices: {web: {image: x, expose: [80], x-mine: 1}}")
    assert [warning.split(": ")[0].split(" ")[1] for warning in loaded.warnings] == [
        "version",
        "services.web.expose",
    ]


def test_22_22_is_a_port_and_not_a_sexagesimal_number(load: Load) -> None:
    port = only(load("services: {web: {image: x, ports: [22:22]}}")).endpoint.ports[0]
    assert (port.published, port.target) == (22, 22)


def test_later_files_are_laid_over_earlier_ones(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("name: shop\nservices: {web: {image: x:1, command: [a], environment: {A: 1}}}")
    over.write_text("services: {web: {image: x:2, command: [b], environment: {B: 2}}}")
    web = only(load_stack([base, over], name=None, environment={}))
    assert web.name == "shop_web"
    container = web.task.containers[0]
    assert (container.image, list(container.args)) == ("x:2", ["b"])
    assert dict(container.environment) == {"A": "1", "B": "2"}


def test_dotenv_beside_the_file_fills_in_and_the_environment_wins(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("services: {web: {image: 'x:${TAG}', hostname: '${HOST}'}}")
    (tmp_path / ".env").write_text("TAG=1\nHOST=dot\n")
    container = only(load_stack([path], name="s", environment={"HOST": "real"})).task.containers[0]
    assert (container.image, container.hostname) == ("x:1", "real")


def test_a_stack_needs_a_name_and_a_service(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("services: {web: {image: x}}")
    with pytest.raises(InvalidInput, match="stack name ''"):
        load_stack([path], name=None, environment={})
    with pytest.raises(InvalidManifest, match="at least one service"):
        load("services: {}")
    with pytest.raises(InvalidManifest, match="No such file"):
        load_stack([tmp_path / "none.yaml"], name="s", environment={})


CRON = """
services:
  web: {image: hello:1}
  backup:
    image: backup:2
    deploy: {restart_policy: {condition: on-failure}}
    x-swarmpy:
      cron:
        schedule: "30 3 * * mon-fri"
        time_zone: Europe/Berlin
        concurrency: forbid
        starting_deadline: 5m
        successful_history: 0
      job: {parallelism: 1, backoff_limit: 0, active_deadline: 1h, ttl_after_finish: 0}
"""


def test_a_service_with_a_schedule_is_a_cron_job(load: Load) -> None:
    stack = load(CRON).spec
    assert [service.name for service in stack.services] == ["shop_web"]
    (cron_job,) = stack.cron_jobs
    assert (cron_job.name, cron_job.schedule) == ("shop_backup", "30 3 * * mon-fri")
    assert (cron_job.time_zone, cron_job.concurrency_policy) == (
        "Europe/Berlin",
        CONCURRENCY_POLICY_FORBID,
    )
    assert (cron_job.starting_deadline_s, cron_job.successful_history) == (300, 0)
    assert not cron_job.HasField("failed_history")
    job = cron_job.job
    assert (job.name, job.replicated_job.completions) == ("", 1)
    assert job.job.HasField("backoff_limit")
    assert job.job.HasField("ttl_after_finish_s")
    assert job.task.containers[0].image == "backup:2"
    assert [network.name for network in stack.networks] == ["shop_default"]


def test_a_file_may_hold_nothing_but_cron_jobs(load: Load) -> None:
    stack = load(CRON.replace("  web: {image: hello:1}\n", "")).spec
    assert not stack.services
    assert len(stack.cron_jobs) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x-swarmpy: {cron: {schedule: never}}", "schedule: is 'never', expected five fields"),
        ("x-swarmpy: {cron: {}}", "schedule: is '', expected five fields"),
        ('x-swarmpy: {cron: {schedule: "@daily", time_zone: X}}', "no time zone is called 'X'"),
        (
            'x-swarmpy: {cron: {schedule: "@daily"}}\n    ports: ["80"]',
            "ports: is given for a cron job",
        ),
        (
            'x-swarmpy: {cron: {schedule: "@daily"}}\n    deploy: {mode: global}',
            "deploy.mode: is no job's",
        ),
        ("x-swarmpy: {job: {backoff_limit: 3}}", "is given, and the service is no job"),
        ("x-swarmpy: {corn: {}}", "corn"),
        ("deploy: {x-swarmpy: {}}", "x-swarmpy"),
        ("deploy: {x-mine: {}}\n    x-swarmpy: {cron: 5}", "cron: found"),
        ('x-swarmpy: {cron: {schedule: "@daily", every: 5m}}', "every"),
    ],
)
def test_what_an_extension_says_wrongly_is_named_with_its_place(
    load: Load, text: str, fault: str
) -> None:
    with pytest.raises(InvalidManifest) as caught:
        load(f"services:\n  one:\n    image: hello:1\n    {text}\n")
    assert fault in caught.value.message
    assert "stack.yaml:" in caught.value.message


def test_nothing_waits_for_a_cron_job(load: Load) -> None:
    with pytest.raises(InvalidManifest, match="'backup' is a cron job, which nothing can wait for"):
        load(CRON.replace("{image: hello:1}", "{image: hello:1, depends_on: [backup]}"))


def test_an_update_may_have_budgets(load: Load) -> None:
    spec = only(
        load(
            "services:\n  web:\n    image: hello:1\n    x-swarmpy:\n      revisions_kept: 3\n"
            "      update: {max_surge: 25%, max_unavailable: 0, progress_deadline: 5m}\n"
        )
    )
    update = spec.update
    assert (update.max_surge.ratio, update.max_unavailable.count) == (0.25, 0)
    assert (update.progress_deadline_s, update.parallelism) == (300, 1)
    assert spec.revisions_kept == 3
    with pytest.raises(InvalidManifest, match="max_surge: found '125%'"):
        load("services:\n  web:\n    image: hello:1\n    x-swarmpy: {update: {max_surge: 125%}}\n")


def test_a_service_may_scale_itself(load: Load) -> None:
    text = (
        "services:\n  web:\n    image: hello:1\n    x-swarmpy:\n"
        "      autoscale: {min: 2, max: 10, cpu: 70%, memory: 0.8, scale_down_window: 0,"
        " tolerance: 5%}\n"
    )
    spec = only(load(text))
    scale = spec.autoscale
    assert (scale.min_replicas, scale.max_replicas) == (2, 10)
    assert (scale.cpu_ratio, scale.memory_ratio, scale.tolerance) == (0.7, 0.8, 0.05)
    assert scale.HasField("scale_down_window_s")
    assert spec.replicated.replicas == 2
    with pytest.raises(InvalidManifest, match="cpu: found 'much'"):
        load(text.replace("70%", "much"))


def test_what_is_waited_for_is_read_with_its_condition(load: Load) -> None:
    loaded = load(
        "services:\n  web:\n    image: hello:1\n    depends_on:\n"
        "      migrate: {condition: service_completed_successfully, restart: true}\n"
        "      cache: {required: false}\n"
        "      nowhere: {required: false}\n"
        "  migrate: {image: hello:1, depends_on: [cache]}\n  cache: {image: hello:1}\n"
    )
    web, migrate, _ = loaded.spec.services
    assert [(wait.service, wait.condition) for wait in web.depends_on] == [
        ("shop_migrate", DEPENDENCY_CONDITION_COMPLETED),
        ("shop_cache", DEPENDENCY_CONDITION_STARTED),
    ]
    assert [wait.service for wait in migrate.depends_on] == ["shop_cache"]
    (warning,) = loaded.warnings
    assert "depends_on.migrate.restart" in warning

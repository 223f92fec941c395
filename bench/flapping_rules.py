"""What Prometheus judges for ``bench.flapping``, and how it and Alertmanager are set up."""

from bench.flapping_estate import Estate

INTERVAL = "5s"

RULES = r"""
groups:
- name: requests
  rules:
  - alert: ServerErrorShareHigh
    expr: |
      sum by (service, team, env, region, namespace) (rate(http_requests_total{code=~"5.."}[30s]))
      / sum by (service, team, env, region, namespace) (rate(http_requests_total[30s])) > 0.04
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.service }} fails {{ $value | humanizePercentage }} of its requests in
          {{ $labels.region }}'
      description: >-
        The share of 5xx answers of {{ $labels.service }} ({{ $labels.env }}, {{ $labels.namespace }}) is
        {{ $value | humanizePercentage }}, we accept 4%. Look at the last rollout first, then at what it calls.
      runbook_url: https://runbooks.example/{{ $labels.service }}/server-errors
  - alert: ClientErrorShareHigh
    expr: |
      sum by (service, team, env, region, namespace) (rate(http_requests_total{code=~"4.."}[30s]))
      / sum by (service, team, env, region, namespace) (rate(http_requests_total[30s])) > 0.12
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.service }} refuses {{ $value | humanizePercentage }} of its requests in
          {{ $labels.region }}'
      description: >-
        The share of 4xx answers of {{ $labels.service }} ({{ $labels.env }}, {{ $labels.namespace }}) is
        {{ $value | humanizePercentage }}, we accept 12%. Often a client was released with a wrong path or key.
      runbook_url: https://runbooks.example/{{ $labels.service }}/client-errors
  - alert: AnswersOfOneStatus
    expr: sum by (service, team, env, region, code) (rate(http_requests_total{code=~"429|503"}[30s])) > 3.5
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: 'Status {{ $labels.code }} from {{ $labels.service }}: {{ $value | printf "%.1f" }} per second'
      description: '{{ $labels.service }} in {{ $labels.env }} {{ $labels.region }} says {{ $labels.code }}
          too often.'
  - alert: ErrorBudgetBurning
    expr: |
      sum by (service, team) (rate(http_requests_total{code=~"5..", env="prod"}[1m]))
      / sum by (service, team) (rate(http_requests_total{env="prod"}[1m])) / 0.005 > 8
    labels: {severity: page, window: short}
    annotations:
      summary: '{{ $labels.service }} burns its error budget {{ $value | printf "%.1f" }} times too fast'
      description: 'Measured over the last minute. At this speed a month is spent in a few days.'
  - alert: ErrorBudgetBurning
    expr: |
      sum by (service, team) (rate(http_requests_total{code=~"5..", env="prod"}[5m]))
      / sum by (service, team) (rate(http_requests_total{env="prod"}[5m])) / 0.005 > 5
    labels: {severity: ticket, window: long}
    annotations:
      summary: '{{ $labels.service }} burns its error budget {{ $value | printf "%.1f" }} times too fast'
      description: 'Measured over the last five minutes. No need to get up, but plan the work.'
  - alert: AnswersSlow
    expr: http_answer_seconds{quantile="0.95"} > 0.8
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.route }} of {{ $labels.service }} takes {{ $value | humanizeDuration }} on
          {{ $labels.instance }}'
      description: 'One request of twenty to {{ $labels.route }} waits longer than that. Limit: 800 ms.'
  - alert: AnswersVerySlow
    expr: http_answer_seconds{quantile="0.95"} > 1.2
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.route }} of {{ $labels.service }} takes {{ $value | humanizeDuration }} on
          {{ $labels.instance }}'
      description: 'One request of twenty to {{ $labels.route }} waits longer than that. Shoppers give up.
          Limit: 1.2 s.'
  - alert: OrdersBelowUsual
    expr: sum by (region) (rate(http_requests_total{service="orders", code="200", env="prod"}[30s])) < 24
    for: 15s
    labels: {severity: page, service: orders, team: buying}
    annotations:
      message: 'Only {{ $value | humanize }} orders per second in {{ $labels.region }}'
- name: instances
  rules:
  - alert: InstanceUnreachable
    expr: up == 0
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: 'No metrics from {{ $labels.instance }} ({{ $labels.job }})'
      description: 'Prometheus cannot scrape {{ $labels.instance }}. The machine may be down, or only its
          exporter.'
  - alert: MemoryNearLimit
    expr: process_memory_share > 0.9
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory'
      description: '{{ $labels.service }} will be killed at 100%. Heap dumps land in /var/dumps of
          {{ $labels.instance }}.'
  - alert: ConnectionPoolUsedUp
    expr: db_pool_in_use / db_pool_size > 0.9
    for: 10s
    labels:
      severity: '{{ if gt $value 0.99 }}critical{{ else }}warning{{ end }}'
    annotations:
      summary: '{{ $labels.service }} has {{ $value | humanizePercentage }} of its database connections in use'
      description: '{{ $labels.instance }}: requests will wait for a connection of pool {{ $labels.pool }}.'
- name: pods
  rules:
  - alert: PodRestarting
    expr: increase(pod_restarts_total[1m]) > 1.5
    labels: {severity: warning}
    annotations:
      summary: 'Pod {{ $labels.pod }} restarted {{ $value | printf "%.0f" }} times in a minute'
      description: 'Container {{ $labels.container }} in {{ $labels.namespace }} ({{ $labels.region }})
          does not stay up.'
  - alert: PodNotReady
    expr: pod_ready == 0
    for: 20s
    labels: {severity: P3}
    annotations:
      summary: '{{ $labels.namespace }}/{{ $labels.pod }} is not ready'
      description: 'It gets no traffic. Try: kubectl -n {{ $labels.namespace }} describe pod {{ $labels.pod }}'
  - alert: ReplicasMissing
    expr: deployment_replicas_wanted - deployment_replicas_available > 0
    for: 20s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.deployment }} in {{ $labels.namespace }} lacks {{ $value }} of its replicas'
      description: 'Seen in {{ $labels.region }}. The scheduler may have no room, or the new version does
          not start.'
- name: hosts
  rules:
  - alert: DiskFilling
    expr: disk_used_share > 0.85
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.mountpoint }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full'
      description: 'Device {{ $labels.device }} fills up. Old logs and cores can usually go.'
  - alert: DiskAlmostFull
    expr: disk_used_share > 0.92
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.mountpoint }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full'
      description: 'Device {{ $labels.device }} has hardly any room left, writes will fail soon.'
  - alert: LoadHigh
    expr: load_per_core > 1.5
    for: 20s
    labels: {severity: info}
    annotations:
      summary: 'Load of {{ $labels.instance }} is {{ $value | printf "%.2f" }} per core'
  - alert: ClockOff
    expr: abs(clock_offset_seconds) > 0.05
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: 'Clock of {{ $labels.instance }} is off by {{ $value | humanizeDuration }}'
      description: 'Tokens and signed requests are refused beyond a second. Check the time daemon.'
  - alert: NetworkErrors
    expr: rate(network_errors_total[30s]) > 5
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | humanize }} broken packets per second on {{ $labels.device }} of
          {{ $labels.instance }}'
      description: 'A cable, a driver or the switch port of {{ $labels.instance }} {{ $labels.device }}.'
- name: databases
  rules:
  - alert: ReplicaBehind
    expr: replica_lag_seconds > 20
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: 'Replica {{ $labels.instance }} of {{ $labels.service }} is {{ $value | humanizeDuration }} behind'
      description: 'Reads from {{ $labels.region }} are stale. Long transactions on the primary are the
          usual cause.'
  - alert: TooManyConnections
    expr: database_connections / database_connections_limit > 0.85
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.service }}: {{ $value | humanizePercentage }} of all connections taken on
          {{ $labels.instance }}'
      description: 'Above 100% applications are turned away. Idle sessions can be ended by hand.'
  - alert: LongTransaction
    expr: oldest_transaction_seconds > 120
    labels: {severity: warning}
    annotations:
      summary: 'A transaction on {{ $labels.instance }} is open for {{ $value }} seconds'
      description: 'Vacuum of {{ $labels.datname }} cannot clean up behind it.'
  - alert: Deadlocks
    expr: increase(deadlocks_total[1m]) > 3
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | printf "%.0f" }} deadlocks in {{ $labels.datname }} within a minute'
      description: 'On {{ $labels.instance }}. The log of the database names both statements.'
  - alert: CacheEvicting
    expr: rate(cache_evictions_total[30s]) > 50
    for: 10s
    labels: {severity: info}
    annotations:
      summary: '{{ $labels.instance }} throws out {{ $value | humanize }} keys per second'
      description: 'The cache is too small for what {{ $labels.service }} keeps in it.'
- name: queues
  rules:
  - alert: QueueBacklog
    expr: queue_messages_waiting > 5000
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | humanize }} messages wait in {{ $labels.queue }}'
      description: 'Consumers of {{ $labels.queue }} in {{ $labels.env }} do not keep up.'
  - alert: QueueWithoutConsumers
    expr: queue_consumers == 0
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: 'Nobody reads {{ $labels.queue }}'
      description: 'Queue {{ $labels.queue }} ({{ $labels.env }}) has {{ $value }} consumers.'
  - alert: DeadLetters
    expr: increase(dead_letters_total[1m]) > 20
    labels: {severity: warning}
    annotations:
      description: '{{ $value | printf "%.0f" }} messages of {{ $labels.queue }} were given up in the last minute.'
- name: outside
  rules:
  - alert: CertificateEndsSoon
    expr: (certificate_ends_at_seconds - time()) / 86400 < 14
    labels: {severity: warning, team: platform}
    annotations:
      summary: 'Certificate of {{ $labels.dns_name }} ends in {{ $value | printf "%.1f" }} days'
      description: 'Some edge node still hands out the old one (serial {{ $labels.serial }}), or renewal failed.'
  - alert: PageNotReachable
    expr: probe_worked == 0
    for: 10s
    labels: {severity: page, team: web}
    annotations:
      summary: 'https://{{ $labels.dns_name }}/ cannot be opened from {{ $labels.from }}'
      description: 'The probe in {{ $labels.from }} got no good answer three times.'
  - alert: PacketLoss
    expr: packet_loss_share > 0.02
    for: 10s
    labels: {severity: warning, team: platform}
    annotations:
      summary: '{{ $value | humanizePercentage }} packet loss from {{ $labels.from }} to {{ $labels.to }}'
- name: business
  rules:
  - alert: PaymentsDeclined
    expr: |
      sum by (provider, region) (rate(payment_answers_total{outcome="declined", env="prod"}[30s]))
      / sum by (provider, region) (rate(payment_answers_total{env="prod"}[30s])) > 0.15
    for: 10s
    labels: {severity: critical, service: payments, team: money}
    annotations:
      summary: '{{ $labels.provider }} declines {{ $value | humanizePercentage }} of the cards in
          {{ $labels.region }}'
      description: 'Usual are 5%. The status page of {{ $labels.provider }} is
          https://status.{{ $labels.provider }}.example'
  - alert: SignInsFailing
    expr: sum by (service, team, env, region) (rate(sign_ins_failed_total[30s])) > 12
    for: 10s
    labels: {severity: warning, category: security}
    annotations:
      title: 'Failed sign-ins in {{ $labels.region }}: {{ $value | humanize }}/s'
      description: 'Either somebody tries passwords against {{ $labels.env }} or {{ $labels.service }} is broken.'
  - alert: JobOverdue
    expr: time() - job_last_success_seconds > 150
    labels: {severity: warning}
    annotations:
      summary: 'Job {{ $labels.job_name }} has not succeeded for {{ $value | humanizeDuration }}'
      description: 'It should run every two minutes in {{ $labels.region }}.'
"""


def alertmanager_configuration(capture: int) -> dict[str, object]:
    receivers = ("everyone", "pager", "databases", "staging")
    hook = {"url": f"http://127.0.0.1:{capture}/", "send_resolved": True}
    timing = {"group_wait": "5s", "group_interval": "15s", "repeat_interval": "20m"}
    routes = [
        {"receiver": "staging", "matchers": ['env="staging"'], "group_by": ["env", "service"]},
        {
            "receiver": "pager",
            "matchers": ['severity="page"'],
            "group_by": ["service", "region"],
            "continue": True,
        },
        {"receiver": "databases", "matchers": ['team="databases"'], "group_by": ["alertname", "instance"]},
    ]
    return {
        "route": {"receiver": "everyone", "group_by": ["alertname", "service"], **timing, "routes": routes},
        "receivers": [{"name": name, "webhook_configs": [hook]} for name in receivers],
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="InstanceUnreachable"'],
                "target_matchers": ['alertname!="InstanceUnreachable"'],
                "equal": ["instance", "job"],
            }
        ],
    }


def prometheus_configuration(estate: Estate, exporter: int, alertmanager: int) -> dict[str, object]:
    """All targets are scraped from the one exporter, which is told which of them is meant."""
    relabelling = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__address__"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
    ]
    jobs: dict[str, list[object]] = {}
    for target in estate.targets.values():
        jobs.setdefault(target.job, []).append({"targets": [target.address], "labels": target.labels})
    return {
        "global": {
            "scrape_interval": INTERVAL,
            "scrape_timeout": "4s",
            "evaluation_interval": INTERVAL,
            "external_labels": {"monitor": "shop"},
        },
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": targets, "relabel_configs": relabelling}
            for job, targets in jobs.items()
        ],
    }

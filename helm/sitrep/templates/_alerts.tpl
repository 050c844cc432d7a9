{{- /* Matchers of our own series, as the ServiceMonitor labels them. */ -}}
{{- define "sitrep.series" -}}
{{- default (printf "job=%q,namespace=%q" (include "sitrep.fullname" .) .Release.Namespace) .Values.prometheusRule.selector -}}
{{- end -}}

{{- /* Seconds since `metric` was last set by any replica, also by one that a rollout has replaced since. */ -}}
{{- define "sitrep.silence" -}}
time() - max(max_over_time({{ .metric }}{{ "{" }}{{ .series }}}[{{ mul 2 (int64 .seconds) }}s])) > {{ int64 .seconds }}
{{- end -}}

{{- /* Alerts about Sitrep itself. All carry about=sitrep: Alertmanager routes them past Sitrep (docs/adopt.md). */ -}}
{{- define "sitrep.alerts" -}}
{{- $series := include "sitrep.series" . -}}
{{- $rule := .Values.prometheusRule -}}
{{- /* Parked stays parked: what is news is that an hour ago there were fewer. */ -}}
{{- $parked := printf "sitrep_deliveries_parked{%s}" $series -}}
{{- $alerts := list
  (dict "name" "SitrepDown" "for" "2m" "severity" "critical"
    "expr" (printf "absent(up{%s} == 1)" $series)
    "summary" "No replica of Sitrep is up and ready."
    "description" "Nothing enriches alerts now. Alertmanager keeps what it could not deliver and tries again; alerts fire anew as SitrepFallback meanwhile.")
  (dict "name" "SitrepReplicaDown" "for" "15m" "severity" "warning"
    "expr" (printf "up{%s} == 0" $series)
    "summary" "A replica of Sitrep does not answer."
    "description" "{{ $labels.instance }} has not answered Prometheus for 15 minutes.")
  (dict "name" "SitrepDeliveriesParked" "for" "5m" "severity" "warning"
    "expr" (printf "max by (notifier) (%[1]s) - (max by (notifier) (max_over_time(%[1]s[30m] offset 1h)) or 0 * max by (notifier) (%[1]s)) > 0" $parked)
    "summary" "Sitrep gave up on messages."
    "description" "{{ $value }} messages by {{ $labels.notifier }} were given up in the last hour. `sitrep doctor` says why: a token, a channel, a permission.")
  (dict "name" "SitrepNoWebhook" "for" "15m" "severity" "warning"
    "expr" (include "sitrep.silence" (dict "metric" "sitrep_webhook_last_seen_timestamp_seconds" "series" $series "seconds" $rule.noWebhookSeconds))
    "summary" "Nobody has posted an alert to Sitrep for long."
    "description" "No webhook was accepted for {{ $value | humanizeDuration }}. Check Alertmanager's receiver: address, token, route.")
  (dict "name" "SitrepWatchdogMissing" "for" "5m" "severity" "warning"
    "expr" (include "sitrep.silence" (dict "metric" "sitrep_watchdog_last_seen_timestamp_seconds" "series" $series "seconds" $rule.watchdogSeconds))
    "summary" "Sitrep no longer sees the Watchdog."
    "description" "No Watchdog for {{ $value | humanizeDuration }}. Alerts may not reach Sitrep: check the route of Watchdog and Alertmanager itself.")
  (dict "name" "SitrepIncidentsParked" "for" "5m" "severity" "warning"
    "expr" (printf "max(%[1]s) - (max(max_over_time(%[1]s[30m] offset 1h)) or 0 * max(%[1]s)) > 0" (printf "sitrep_incidents_parked{%s}" $series))
    "summary" "Sitrep gave up looking into incidents."
    "description" "{{ $value }} incidents were given up in the last hour: told from their labels, marked in REST and on their pages, which say why. `sitrep incidents ask` looks again.")
  (dict "name" "SitrepSourceLeftAlone" "for" "10m" "severity" "warning"
    "expr" (printf "max by (source) (sitrep_source_breaker_open{%s}) == 1" $series)
    "summary" "A source does not answer Sitrep."
    "description" "{{ $labels.source }} has failed for 10 minutes and is asked only now and then. Messages say so. `sitrep doctor` says why.")
  (dict "name" "SitrepPlaybooksRefused" "for" "15m" "severity" "info"
    "expr" (printf "max(sitrep_playbooks_refused{%s}) > 0" $series)
    "summary" "A playbook of yours is broken."
    "description" "{{ $value }} faults. The last good version is used until a restart. `sitrep doctor` names file, line and reason.")
  (dict "name" "SitrepJobsBehind" "for" "10m" "severity" "warning"
    "expr" (printf "max(sitrep_jobs_behind{%s}) > %v" $series ($rule.jobsBehind | toJson))
    "summary" "Sitrep's workers are behind."
    "description" "{{ $value }} jobs wait. First messages still go out in time, from labels alone; context comes late. Add replicas.")
-}}
{{- if $rule.fallback -}}
{{- /* A metric's alertname would be lost under the rule's own name, so it is kept as `alert`. */ -}}
{{- $firing := `label_replace(ALERTS{alertstate="firing",about!="sitrep",severity!~"info|none",alertname!~"Watchdog|InfoInhibitor"}, "alert", "$1", "alertname", "(.+)")` -}}
{{- $alerts = append $alerts (dict "name" "SitrepFallback" "for" "2m" "severity" ""
    "expr" (printf "count by (alert, severity, cluster, namespace) (%s) and on () absent(up{%s} == 1)" $firing $series)
    "summary" "{{ $labels.alert }} fires while Sitrep is down."
    "description" "{{ $value }} firing{{ with $labels.namespace }} in {{ . }}{{ end }}. Told plainly, because Sitrep cannot.") -}}
{{- end -}}
{{- range $alerts }}
{{- if not (has .name $rule.disabled) }}
- alert: {{ .name }}
  expr: {{ .expr | quote }}
  for: {{ .for }}
  labels:
    {{- with .severity }}
    severity: {{ . }}
    {{- end }}
    about: sitrep
    {{- with $rule.alertLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    summary: {{ .summary | quote }}
    description: {{ .description | quote }}
{{- end }}
{{- end }}
{{- end -}}

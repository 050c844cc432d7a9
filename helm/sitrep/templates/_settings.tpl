{{- /* One setting's environment name: prometheus_url and SITREP_PROMETHEUS_URL are the same. */ -}}
{{- define "sitrep.settingName" -}}
{{- if hasPrefix "SITREP_" . -}}{{ . }}{{- else -}}SITREP_{{ upper . }}{{- end -}}
{{- end -}}

{{- /* YAML reads `off` as false and big numbers as floats; lists and maps become comma lists. */ -}}
{{- define "sitrep.settingValue" -}}
{{- if kindIs "bool" . -}}{{ ternary "on" "off" . }}
{{- else if kindIs "slice" . -}}{{ join "," . }}
{{- else if kindIs "map" . -}}
{{- $pairs := list -}}
{{- range $name, $value := . -}}{{- $pairs = append $pairs (printf "%s=%s" $name $value) -}}{{- end -}}
{{- join "," $pairs -}}
{{- else if kindIs "string" . -}}{{ . }}
{{- else -}}{{ toJson . }}
{{- end -}}
{{- end -}}

{{- /* The ConfigMap's data: what the chart knows by itself, under what `config` says. */ -}}
{{- define "sitrep.configData" -}}
{{- $data := dict "SITREP_HOST" "0.0.0.0" "SITREP_PORT" (toString .Values.containerPort) "SITREP_LOG_FORMAT" "json" -}}
{{- $_ := set $data "SITREP_PUBLIC_URL" (include "sitrep.publicUrl" .) -}}
{{- with .Values.namespaces -}}{{- $_ := set $data "SITREP_KUBERNETES_NAMESPACES" (join "," .) -}}{{- end -}}
{{- if not .Values.rbac.podLogs -}}{{- $_ := set $data "SITREP_KUBERNETES_POD_LOGS" "off" -}}{{- end -}}
{{- if .Values.configFile -}}{{- $_ := set $data "SITREP_CONFIG_FILE" "/etc/sitrep/sitrep.yaml" -}}{{- end -}}
{{- range $name, $value := .Values.config -}}
{{- $key := include "sitrep.settingName" $name -}}
{{- if has $key (list "SITREP_HOST" "SITREP_PORT" "SITREP_CONFIG_FILE") -}}
{{- fail (printf "config.%s is set by the chart: use containerPort and configFile" $name) -}}
{{- end -}}
{{- if or (regexMatch "(_TOKENS?|_SECRET)$" $key) (has $key (list "SITREP_DATABASE_URL" "SITREP_SLACK_WEBHOOK_URL")) -}}
{{- fail (printf "config.%s is a secret: put it under secret, or into existingSecret" $name) -}}
{{- end -}}
{{- $_ := set $data $key (include "sitrep.settingValue" $value) -}}
{{- end -}}
{{- toYaml $data -}}
{{- end -}}

{{- define "sitrep.secretData" -}}
{{- $data := dict -}}
{{- range $name, $value := .Values.secret -}}
{{- $_ := set $data (include "sitrep.settingName" $name) (include "sitrep.settingValue" $value) -}}
{{- end -}}
{{- toYaml $data -}}
{{- end -}}

{{- define "sitrep.publicUrl" -}}
{{- if and .Values.ingress.enabled .Values.ingress.hosts -}}
{{- printf "%s://%s" (ternary "https" "http" (not (empty .Values.ingress.tls))) (first .Values.ingress.hosts).host -}}
{{- else -}}
{{- printf "http://%s.%s.svc:%v" (include "sitrep.fullname" .) .Release.Namespace .Values.service.port -}}
{{- end -}}
{{- end -}}

{{- /* env of both the server and the migration: the database's address from an operator's Secret, and what you add. */ -}}
{{- define "sitrep.env" -}}
{{- with .Values.database.existingSecret }}
- name: SITREP_DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ . | quote }}, key: {{ $.Values.database.key | quote }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

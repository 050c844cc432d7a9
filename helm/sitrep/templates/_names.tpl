{{- define "sitrep.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* 52: room for "-migrate" and for the random part of pod names */ -}}
{{- define "sitrep.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "sitrep.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sitrep.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sitrep.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ include "sitrep.name" . }}
{{ include "sitrep.selector" . }}
{{- end -}}

{{- define "sitrep.selector" -}}
app.kubernetes.io/name: {{ include "sitrep.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The migration's pods must not be behind the Service, nor count for the PodDisruptionBudget. */ -}}
{{- define "sitrep.migrateSelector" -}}
app.kubernetes.io/name: {{ include "sitrep.name" . }}-migrate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sitrep.migrateLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ include "sitrep.name" . }}
{{ include "sitrep.migrateSelector" . }}
{{- end -}}

{{- define "sitrep.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sitrep.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sitrep.secretName" -}}
{{- default (include "sitrep.fullname" .) .Values.existingSecret -}}
{{- end -}}

{{- define "sitrep.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- /* The roles that get a Deployment, separated by spaces. */ -}}
{{- define "sitrep.roles" -}}
{{- if eq .Values.role "split" -}}api worker{{- else -}}{{ .Values.role }}{{- end -}}
{{- end -}}

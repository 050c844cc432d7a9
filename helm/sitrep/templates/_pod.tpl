{{- define "sitrep.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.runAsUser }}
runAsGroup: {{ .Values.runAsUser }}
fsGroup: {{ .Values.runAsUser }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "sitrep.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Takes (dict "root" $ "from" the name of the ConfigMap that holds sitrep.yaml). */ -}}
{{- define "sitrep.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if .root.Values.configFile }}
- name: config-file
  configMap:
    name: {{ .from }}
    items: [{key: sitrep.yaml, path: sitrep.yaml}]
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sitrep.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.configFile }}
- {name: config-file, mountPath: /etc/sitrep, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Takes {to: [peers], ports: [numbers]}; no peers: anywhere. */ -}}
{{- define "sitrep.egressRule" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "sitrep.egressDns" -}}
{{- if .Values.networkPolicy.egress.dns -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end -}}
{{- end -}}

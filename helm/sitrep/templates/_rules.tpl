{{- /* What Sitrep may read inside a namespace. Never Secrets, never exec, no verb that writes. */ -}}
{{- define "sitrep.namespacedRules" -}}
- apiGroups: [""]
  resources: [pods, events, services, persistentvolumeclaims, resourcequotas, serviceaccounts]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list]
- apiGroups: [apps]
  resources: [deployments, replicasets, statefulsets, daemonsets, controllerrevisions]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [get, list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list]
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [get, list]
{{- if .Values.rbac.podLogs }}
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end }}
{{- if .Values.rbac.configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
{{- end }}
{{- if .Values.rbac.gitOps }}
- apiGroups: [argoproj.io]
  resources: [applications, rollouts]
  verbs: [get, list, watch]
- apiGroups: [helm.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io]
  resources: [helmreleases, kustomizations]
  verbs: [get, list, watch]
{{- end }}
{{- with .Values.rbac.extraRules }}
{{- range . }}
{{- range .verbs }}
{{- if not (has . (list "get" "list" "watch")) }}
{{- fail (printf "rbac.extraRules: verb %s; Sitrep only reads (get, list, watch)" .) }}
{{- end }}
{{- end }}
{{- range .resources }}
{{- if has . (list "secrets" "*" "*/*" "pods/exec" "pods/attach" "pods/portforward" "pods/proxy" "nodes/proxy" "services/proxy") }}
{{- fail (printf "rbac.extraRules: %s is not for Sitrep to read" .) }}
{{- end }}
{{- end }}
{{- end }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* What exists once in a cluster. */ -}}
{{- define "sitrep.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get, list]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list]
- apiGroups: [metrics.k8s.io]
  resources: [nodes]
  verbs: [get, list]
{{- end -}}

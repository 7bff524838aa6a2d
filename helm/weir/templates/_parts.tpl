{{- /* Parts that every service has. */ -}}

{{- define "weir.labels" -}}
app.kubernetes.io/name: weir
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "weir.name" -}}
{{ .root.Release.Name }}-{{ .component }}
{{- end }}

{{- define "weir.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "weir.name" . }}
  labels: {{- include "weir.labels" . | nindent 4 }}
spec:
  {{- if .headless }}
  clusterIP: None
  publishNotReadyAddresses: true
  {{- end }}
  selector: {{- include "weir.labels" . | nindent 4 }}
  ports:
    - { name: http, port: 8080, targetPort: http }
{{- end }}

{{- define "weir.podMetadata" -}}
metadata:
  labels: {{- include "weir.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ toYaml .root.Values.config | sha256sum }}
{{- end }}

{{- define "weir.podSpec" -}}
{{- $values := index .root.Values .component -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  fsGroup: 1000
containers:
  - name: weir
    image: {{ printf "%s:%s" .root.Values.image.repository (default .root.Chart.AppVersion .root.Values.image.tag) | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args:
      - -target={{ .component }}
      - -config.file=/etc/weir/weir.yaml
      - -config.expand-env
      {{- if eq .component "ingester" }}
      - -ingester.ring.instance-id=$(POD_NAME)
      - -ingester.ring.instance-addr=$(POD_IP)
      {{- end }}
      {{- range $values.extraArgs }}
      - {{ . | quote }}
      {{- end }}
    env:
      - name: POD_NAME
        valueFrom: { fieldRef: { fieldPath: metadata.name } }
      - name: POD_IP
        valueFrom: { fieldRef: { fieldPath: status.podIP } }
    {{- with .root.Values.secretName }}
    envFrom:
      - secretRef: { name: {{ . }} }
    {{- end }}
    ports:
      - { name: http, containerPort: 8080 }
    readinessProbe:
      httpGet: { path: /ready, port: http }
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: { drop: [ALL] }
    resources: {{- toYaml $values.resources | nindent 6 }}
    volumeMounts:
      - { name: config, mountPath: /etc/weir }
      - { name: data, mountPath: /data }
      - { name: tmp, mountPath: /tmp }
volumes:
  - name: config
    configMap: { name: {{ .root.Release.Name }}-config }
  - name: tmp
    emptyDir: {}
  {{- if ne .component "ingester" }}
  - name: data
    emptyDir: {}
  {{- end }}
{{- end }}

{{- define "weir.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "weir.name" . }}
  labels: {{- include "weir.labels" . | nindent 4 }}
spec:
  replicas: {{ (index .root.Values .component).replicas }}
  selector:
    matchLabels: {{- include "weir.labels" . | nindent 6 }}
  template:
    {{- include "weir.podMetadata" . | nindent 4 }}
    spec: {{- include "weir.podSpec" . | nindent 6 }}
{{- end }}

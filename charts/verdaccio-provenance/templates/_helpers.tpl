{{- define "mirror.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "mirror.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "mirror.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "mirror.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mirror.selector" -}}
app.kubernetes.io/name: {{ include "mirror.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mirror.labels" -}}
{{ include "mirror.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "mirror.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mirror.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mirror.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Whether there can be more than one pod. */}}
{{- define "mirror.isMany" -}}
{{- if or (gt (int .Values.replicaCount) 1) .Values.autoscaling.enabled -}}yes{{- end -}}
{{- end -}}

{{- define "mirror.isShared" -}}
{{- if or .Values.postgres.url .Values.facts.url -}}yes{{- end -}}
{{- end -}}

{{/* What cannot be right is said before anything is installed. */}}
{{- define "mirror.check" -}}
{{- if not .Values.publicUrl -}}
{{- fail "publicUrl is empty: name the addresses clients use, for instance --set publicUrl={https://npm.acme.example}" -}}
{{- end -}}
{{- if include "mirror.isMany" . -}}
{{- $_ := required "postgres.url is empty: several replicas share their memory in PostgreSQL, or set replicaCount to 1" .Values.postgres.url -}}
{{- if and (ne .Values.storage.mode "claim") (not .Values.signingKeys.existingSecret) -}}
{{- fail "signingKeys.existingSecret is empty: several replicas sign with the same keys, which they have of a secret or of a shared folder (storage.mode: claim)" -}}
{{- end -}}
{{- end -}}
{{- if ne (eq .Values.storage.mode "external") (hasKey .Values.verdaccio "store") -}}
{{- fail "storage.mode: external and verdaccio.store go together: the one says that packages are elsewhere, the other where" -}}
{{- end -}}
{{- if and (include "mirror.isShared" .) (not .Values.sharedKeys) -}}
{{- fail "sharedKeys is empty: whoever can write to a shared store could forge what it says" -}}
{{- end -}}
{{- range $name, $store := dict "postgres" .Values.postgres "facts" .Values.facts -}}
{{- if regexMatch "://[^/@]*:[^/@]*@" $store.url -}}
{{- fail (printf "%s.url has a password in it, which a ConfigMap would show: put it into %s.existingSecret" $name $name) -}}
{{- end -}}
{{- end -}}
{{- range tuple "packages" "middlewares" "uplinks" "storage" -}}
{{- if hasKey $.Values.verdaccio . -}}
{{- fail (printf "verdaccio.%s is not taken: packages is a list of the chart's own, uplinks stand in provenance, and storage is the chart's" .) -}}
{{- end -}}
{{- end -}}
{{- if hasKey .Values.provenance "packages" -}}
{{- fail "provenance.packages is not taken, since Helm keeps no order of its keys and the first that matches counts: name uplinks as `proxy` in packages" -}}
{{- end -}}
{{- if gt (len (default dict .Values.provenance.uplinks)) 1 -}}
{{- range .Values.packages -}}
{{- if not (hasKey . "proxy") -}}
{{- fail (printf "packages: %s names no uplinks as `proxy`, and of several Helm keeps no order" .match) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}

{{/* The configuration as it is mounted. What stands in `provenance` and `verdaccio` replaces what the chart says under the same key. */}}
{{- define "mirror.configuration" -}}
{{- $folder := ternary "/shared" "/data" (eq .Values.storage.mode "claim") -}}
{{- $htpasswd := dict "file" (printf "%s/htpasswd" $folder) -}}
{{- if .Values.accounts.existingSecret -}}
{{- $htpasswd = dict "file" "/accounts/htpasswd" "max_users" -1 -}}
{{- else if and (include "mirror.isMany" .) (ne .Values.storage.mode "claim") -}}
{{- $_ := set $htpasswd "max_users" -1 -}}
{{- end -}}
{{- $keys := list -}}
{{- range .Values.sharedKeys -}}
{{- $keys = append $keys (dict "id" .id "secret_file" (printf "/shared-keys/%s" .id)) -}}
{{- end -}}
{{- $provenance := dict
  "policy" "./policy.yaml"
  "publicUrl" .Values.publicUrl
  "keys" (dict "dir" (ternary "/signing-keys" (printf "%s/keys" $folder) (not (empty .Values.signingKeys.existingSecret))))
  "cache" (dict "dir" "/data/cache" "memory" .Values.cache.memory "disk" .Values.cache.disk)
  "metrics" (dict "allow" .Values.metrics.allow)
  "shutdown" .Values.shutdown
-}}
{{- if .Values.postgres.url -}}
{{- $_ := set $provenance "store" .Values.postgres.url -}}
{{- $_ := set $provenance "decisions" (dict "store" .Values.postgres.url) -}}
{{- else -}}
{{- $_ := set $provenance "store" "sqlite:/data/provenance.db" -}}
{{- $_ := set $provenance "decisions" (dict "store" "sqlite:/data/provenance-decisions.db") -}}
{{- end -}}
{{- if .Values.facts.url -}}
{{- $_ := set $provenance "facts" (ternary (dict "url" .Values.facts.url "password_env" "FACTS_PASSWORD") .Values.facts.url (not (empty .Values.facts.existingSecret))) -}}
{{- end -}}
{{- if $keys -}}
{{- $_ := set $provenance "shared" (dict "copy" "/data/copy.db" "keys" $keys) -}}
{{- end -}}
{{- range $key, $value := .Values.provenance -}}
{{- $_ := set $provenance $key $value -}}
{{- end -}}
{{- $configuration := dict
  "storage" (printf "%s/storage" $folder)
  "auth" (dict "htpasswd" $htpasswd)
  "server" (dict "trustProxy" .Values.trustProxy)
  "max_body_size" "50mb"
  "middlewares" (dict "provenance" $provenance)
  "filters" (dict "provenance" dict)
  "log" (dict "type" "stdout" "format" "json" "level" "warn")
-}}
{{- range $key, $value := .Values.verdaccio -}}
{{- $_ := set $configuration $key $value -}}
{{- end -}}
{{ toYaml $configuration }}
# In the order of the values: the first that matches a name counts.
packages:
{{- range .Values.packages }}
{{- $rule := omit . "match" -}}
{{- if eq $.Values.storage.mode "none" -}}
{{- $rule = omit $rule "publish" "unpublish" -}}
{{- end }}
  {{ .match | quote }}: {{ $rule | toJson }}
{{- end }}
{{- end -}}

{{- define "mirror.policy" -}}
{{- if kindIs "string" .Values.policy -}}{{ .Values.policy }}{{- else -}}{{ toYaml .Values.policy }}{{- end -}}
{{- end -}}

{{/* The port of a store's address, for rules of the network. */}}
{{- define "mirror.portOf" -}}
{{- $host := regexReplaceAll "^[a-z]+://([^/@]*@)?([^/?]+).*$" . "${2}" -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- if $port -}}{{ $port }}{{- else if hasPrefix "postgres" . -}}5432{{- else -}}6379{{- end -}}
{{- end -}}

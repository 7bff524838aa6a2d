// Sixty expressions of the kind that public dashboards of these exporters ask, variables filled in.

const NODE = [
  '100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle", job="node"}[5m])))',
  'sum by (mode) (irate(node_cpu_seconds_total{instance="node1:9100"}[2m])) * 100',
  'sum by (instance) (rate(node_cpu_seconds_total{mode!~"idle|iowait|steal"}[5m])) / on (instance) group_left count by (instance) (node_cpu_seconds_total{mode="idle"})',
  'count without (cpu, mode) (node_cpu_seconds_total{job="node", mode="idle"})',
  '100 - (avg by (instance) (node_memory_MemAvailable_bytes{job="node"}) / avg by (instance) (node_memory_MemTotal_bytes{job="node"}) * 100)',
  'node_memory_MemTotal_bytes - node_memory_MemFree_bytes - node_memory_Buffers_bytes - node_memory_Cached_bytes',
  '(node_memory_SwapTotal_bytes - node_memory_SwapFree_bytes) / (node_memory_SwapTotal_bytes > 0) * 100',
  'max by (instance, mountpoint) (1 - node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} / node_filesystem_size_bytes{fstype!~"tmpfs|overlay"})',
  'predict_linear(node_filesystem_avail_bytes{fstype!="", mountpoint="/"}[30m], 4 * 3600) < 0 and node_filesystem_readonly == 0',
  'sum by (device) (rate(node_disk_read_bytes_total{device=~"sd.*|nvme.*"}[5m]))',
  'rate(node_disk_io_time_seconds_total{job="node", device!~"dm-.*"}[5m])',
  'rate(node_disk_read_time_seconds_total[5m]) / rate(node_disk_reads_completed_total[5m])',
  'rate(node_network_receive_bytes_total{device!~"lo|veth.+"}[5m]) * 8',
  'topk(3, sum by (instance, device) (increase(node_network_receive_drop_total[10m])))',
  'node_load1 / on (instance) count by (instance) (node_cpu_seconds_total{mode="system"})',
  'node_time_seconds - node_boot_time_seconds',
  'rate(node_netstat_Tcp_RetransSegs[5m]) / rate(node_netstat_Tcp_OutSegs[5m])',
  'node_load5 * on (instance) group_left (nodename) node_uname_info{nodename=~".+"}',
  'rate(node_context_switches_total[5m]) + on (instance) rate(node_intr_total[5m])',
  'node_filefd_allocated / node_filefd_maximum',
];

const KUBERNETES = [
  'sum by (namespace) (rate(container_cpu_usage_seconds_total{job="kubelet", metrics_path="/metrics/cadvisor", cluster="prod", image!=""}[5m]))',
  'sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="shop", container!=""}[5m])) / sum by (pod) (kube_pod_container_resource_requests{namespace="shop", resource="cpu"})',
  'sum by (workload, workload_type) (rate(container_cpu_usage_seconds_total{cluster="prod", namespace="shop"}[5m]) * on (namespace, pod) group_left (workload, workload_type) namespace_workload_pod:kube_pod_owner:relabel{namespace="shop"})',
  'sum by (namespace) (container_memory_working_set_bytes{container!="", image!=""})',
  'sum by (pod, container) (container_memory_working_set_bytes{namespace="shop", container!=""}) / sum by (pod, container) (kube_pod_container_resource_limits{resource="memory"}) > 0.2',
  'sum by (namespace, pod) (increase(container_cpu_cfs_throttled_periods_total{container!=""}[5m])) / sum by (namespace, pod) (increase(container_cpu_cfs_periods_total{container!=""}[5m])) > (10 / 100)',
  'sum by (pod) (irate(container_network_receive_bytes_total{namespace=~"shop|data"}[4m]))',
  'sum (kube_pod_container_resource_requests{resource="cpu"}) by (node) / sum (kube_node_status_allocatable{resource="cpu"}) by (node)',
  'count by (phase) (kube_pod_status_phase == 1)',
  'sum by (namespace, pod) (max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown|Failed"}) * on (namespace, pod) group_left (owner_kind) topk by (namespace, pod) (1, max by (namespace, pod, owner_kind) (kube_pod_owner{owner_kind!="Job"}))) > 0',
  'increase(kube_pod_container_status_restarts_total{job="kube-state-metrics"}[30m]) > 0',
  '(kube_deployment_spec_replicas > kube_deployment_status_replicas_available) and (changes(kube_deployment_status_replicas_available[10m]) == 0)',
  'sum(rate(apiserver_request_total{job="apiserver", code=~"5.."}[5m])) / sum(rate(apiserver_request_total{job="apiserver"}[5m]))',
  'histogram_quantile(0.99, sum by (le, verb) (rate(apiserver_request_duration_seconds_bucket{job="apiserver", verb!="WATCH"}[5m])))',
  'sum by (verb) (rate(apiserver_request_duration_seconds_bucket{le="1", scope="namespace"}[5m])) / ignoring (le) sum by (verb) (rate(apiserver_request_duration_seconds_count{scope="namespace"}[5m]))',
  'sum(kube_node_status_condition{condition="Ready", status="true"} == 1) / count(kube_node_status_condition{condition="Ready", status="true"})',
  'kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.5 or predict_linear(kubelet_volume_stats_available_bytes[30m], 86400) < 0',
  'label_replace(sum by (node) (kube_pod_info * on (pod, namespace) group_left kube_pod_status_phase{phase="Running"}), "instance", "$1:9100", "node", "(.+)") * on (instance) group_left node_load1',
  'absent(up{job="kube-scheduler"} == 1)',
  'sum(kubelet_running_pods{cluster="prod"}) or vector(0)',
];

const KAFKA = [
  'sum by (topic) (rate(kafka_server_brokertopicmetrics_messagesin_total{topic!=""}[5m]))',
  'sum without (topic) (irate(kafka_server_brokertopicmetrics_bytesin_total[5m]))',
  'sum(rate(kafka_server_brokertopicmetrics_bytesout_total[5m])) / sum(rate(kafka_server_brokertopicmetrics_bytesin_total[5m]))',
  'sum(kafka_controller_kafkacontroller_activecontrollercount) != 1 or sum(kafka_controller_kafkacontroller_offlinepartitionscount) > 0',
  'max_over_time(sum(kafka_server_replicamanager_underreplicatedpartitions)[15m:1m])',
  'sum by (consumergroup, topic) (kafka_consumergroup_lag)',
  'topk(2, sum by (consumergroup) (kafka_consumergroup_lag) > 1000)',
  'sum by (topic) (delta(kafka_topic_partition_current_offset[5m]) / 5)',
  'sum by (consumergroup, topic, partition) (kafka_topic_partition_current_offset - on (topic, partition) group_right kafka_consumergroup_current_offset)',
  'avg by (request) (kafka_network_requestmetrics_totaltimems{quantile="0.99"}) * on (request) group_left sum by (request) (rate(kafka_network_requestmetrics_requests_total[5m]))',
];

const JVM = [
  'sum(jvm_memory_used_bytes{application="orders", area="heap"}) by (instance) * 100 / sum(jvm_memory_max_bytes{application="orders", area="heap"}) by (instance)',
  'jvm_memory_max_bytes{area="nonheap"} > -1',
  'rate(jvm_gc_pause_seconds_sum[2m]) / rate(jvm_gc_pause_seconds_count[2m])',
  'sum by (status) (rate(http_server_requests_seconds_count{application="orders", uri!~".*actuator.*"}[5m]))',
  'histogram_quantile(0.95, sum by (le, uri) (rate(http_server_requests_seconds_bucket{outcome="SUCCESS"}[5m])))',
  'sum(rate(http_server_requests_seconds_count{status=~"5.."}[5m])) / sum(rate(http_server_requests_seconds_count[5m])) * 100',
  'avg_over_time(process_cpu_usage{application="orders"}[1h]) and max_over_time(system_cpu_usage[1h]) > 0',
  'increase(logback_events_total{level="error"}[1m]) unless on (instance) (time() - process_start_time_seconds < 300)',
  'max by (pool) (hikaricp_connections_active / hikaricp_connections) + on (pool) sum by (pool) (hikaricp_connections_pending)',
  'sum by (state) (jvm_threads_states_threads) / scalar(sum(jvm_threads_live_threads))',
];

export const DASHBOARD_EXPRESSIONS: readonly string[] = [...NODE, ...KUBERNETES, ...KAFKA, ...JVM];

// An hour of what four exporters expose: node exporter, Kubernetes (cAdvisor, kube-state-metrics, apiserver),
// a Kafka broker's JMX exporter with a lag exporter, and Micrometer in a JVM. Names, labels and types are
// theirs; the values are made up, from one seed.
import type { Dice } from '../../simulation/dice.ts';
import type { RandomSeries } from '../random-promql/series.ts';

export const FROM_MS = 1_700_006_400_000;
export const TO_MS = FROM_MS + 3_600_000;
const SCRAPE_MS = 30_000;

type Labels = Readonly<Record<string, string>>;
type Make = (dice: Dice) => () => number;

/** Grows by up to so much a scrape, and begins anew once in a while. */
const counter =
  (most: number): Make =>
  (dice) => {
    let value = dice.int(0, 1000) * most;
    return () => {
      value = dice.chance(0.004) ? 0 : value + (dice.int(0, 100) / 100) * most;
      return value;
    };
  };
const gauge =
  (low: number, high: number): Make =>
  (dice) => {
    let value = (low + high) / 2;
    return () => {
      value += ((dice.int(-100, 100) / 100) * (high - low)) / 20;
      value = Math.min(high, Math.max(low, value));
      return value;
    };
  };
const whole =
  (low: number, high: number): Make =>
  (dice) =>
  () =>
    dice.int(low, high);
const constant =
  (value: number): Make =>
  () =>
  () =>
    value;
const clock: Make = () => {
  let t = FROM_MS - SCRAPE_MS;
  return () => {
    t += SCRAPE_MS;
    return t / 1000;
  };
};

export function dashboardSeries(dice: Dice): RandomSeries[] {
  const out: RandomSeries[] = [];
  const add = (name: string, labels: Labels, make: Make) => {
    const next = make(dice.fork(`${name}${JSON.stringify(labels)}`));
    const samples: [number, number][] = [];
    for (let t = FROM_MS; t <= TO_MS; t += SCRAPE_MS) samples.push([t, next()]);
    out.push({ labels: { __name__: name, ...labels }, samples });
  };
  for (const of of [node, kubernetes, kafka, jvm]) of(add);
  return out;
}

type Add = (name: string, labels: Labels, make: Make) => void;

/** Several metrics with the same labels. */
function all(add: Add, labels: Labels, metrics: Readonly<Record<string, Make>>): void {
  for (const [name, make] of Object.entries(metrics)) add(name, labels, make);
}

/** Cumulative buckets, count and sum of a classic histogram. */
function histogram(add: Add, name: string, labels: Labels, bounds: readonly string[]): void {
  bounds.forEach((le, at) => {
    add(`${name}_bucket`, { ...labels, le }, (dice) => {
      let value = at * 50;
      return () => {
        value += dice.int(0, 3) + at * 4;
        return value;
      };
    });
  });
  add(`${name}_count`, labels, counter(40));
  add(`${name}_sum`, labels, counter(8));
}

const GIB = 2 ** 30;

function node(add: Add): void {
  for (const instance of ['node1:9100', 'node2:9100']) {
    const labels = { job: 'node', instance };
    for (const cpu of ['0', '1', '2', '3']) {
      for (const mode of ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user']) {
        add('node_cpu_seconds_total', { ...labels, cpu, mode }, counter(mode === 'idle' ? 28 : 1));
      }
    }
    all(add, labels, {
      node_memory_MemTotal_bytes: constant(16 * GIB),
      node_memory_MemFree_bytes: gauge(GIB, 4 * GIB),
      node_memory_MemAvailable_bytes: gauge(4 * GIB, 9 * GIB),
      node_memory_Buffers_bytes: gauge(GIB / 8, GIB / 4),
      node_memory_Cached_bytes: gauge(GIB, 4 * GIB),
      node_memory_SReclaimable_bytes: gauge(GIB / 8, GIB / 2),
      node_memory_SwapTotal_bytes: constant(0),
      node_memory_SwapFree_bytes: constant(0),
      node_load1: gauge(0, 6),
      node_load5: gauge(0, 5),
      node_load15: gauge(0, 4),
      node_boot_time_seconds: constant(FROM_MS / 1000 - 864_000),
      node_time_seconds: clock,
      node_vmstat_pgmajfault: counter(3),
      node_context_switches_total: counter(90_000),
      node_intr_total: counter(60_000),
      node_filefd_allocated: whole(1800, 2400),
      node_filefd_maximum: constant(9.223372036854776e18),
      node_netstat_Tcp_RetransSegs: counter(4),
      node_netstat_Tcp_OutSegs: counter(9000),
      node_timex_offset_seconds: gauge(-0.01, 0.01),
    });
    add(
      'node_uname_info',
      { ...labels, nodename: instance.slice(0, 5), machine: 'x86_64' },
      constant(1),
    );
    for (const [mountpoint, fstype] of [
      ['/', 'ext4'],
      ['/run', 'tmpfs'],
      ['/var', 'xfs'],
    ] as const) {
      all(
        add,
        { ...labels, mountpoint, fstype, device: `/dev${mountpoint}` },
        {
          node_filesystem_size_bytes: constant(100 * GIB),
          node_filesystem_avail_bytes: gauge(10 * GIB, 60 * GIB),
          node_filesystem_free_bytes: gauge(15 * GIB, 65 * GIB),
          node_filesystem_files: constant(6_553_600),
          node_filesystem_files_free: whole(6_000_000, 6_300_000),
          node_filesystem_readonly: constant(0),
        },
      );
    }
    for (const device of ['sda', 'dm-0', 'nvme0n1']) {
      all(
        add,
        { ...labels, device },
        {
          node_disk_read_bytes_total: counter(1e6),
          node_disk_written_bytes_total: counter(4e6),
          node_disk_io_time_seconds_total: counter(9),
          node_disk_io_time_weighted_seconds_total: counter(15),
          node_disk_read_time_seconds_total: counter(2),
          node_disk_reads_completed_total: counter(300),
        },
      );
    }
    for (const device of ['eth0', 'lo', 'veth12']) {
      all(
        add,
        { ...labels, device },
        {
          node_network_receive_bytes_total: counter(5e6),
          node_network_transmit_bytes_total: counter(3e6),
          node_network_receive_drop_total: counter(2),
          node_network_receive_errs_total: counter(1),
          node_network_receive_packets_total: counter(9000),
        },
      );
    }
  }
}

function kubernetes(add: Add): void {
  const cluster = 'prod';
  const pods = ['api-5f7c-abcde', 'api-5f7c-fghij', 'web-77d9-klmno', 'db-0'];
  for (const [at, pod] of pods.entries()) {
    const namespace = at < 3 ? 'shop' : 'data';
    const of = { cluster, namespace, pod };
    const host = `node${(at % 2) + 1}`;
    const cadvisor = { ...of, job: 'kubelet', metrics_path: '/metrics/cadvisor', node: host };
    for (const container of ['app', 'sidecar', '']) {
      const labels = { ...cadvisor, container, image: container && `registry/${container}:1` };
      all(add, labels, {
        container_cpu_usage_seconds_total: counter(12),
        container_memory_working_set_bytes: gauge(GIB / 8, GIB),
        container_memory_rss: gauge(GIB / 16, GIB / 2),
        container_cpu_cfs_periods_total: counter(300),
        container_cpu_cfs_throttled_periods_total: counter(60),
      });
      if (container === '') continue;
      const state = { ...of, container, job: 'kube-state-metrics', node: host };
      for (const [resource, unit, value] of [
        ['cpu', 'core', 0.5],
        ['memory', 'byte', GIB / 2],
      ] as const) {
        const labelled = { ...state, resource, unit };
        add('kube_pod_container_resource_requests', labelled, constant(value));
        add('kube_pod_container_resource_limits', labelled, constant(value * 2));
      }
      add('kube_pod_container_status_restarts_total', { ...state, uid: `u${at}` }, counter(0.05));
    }
    all(
      add,
      { ...cadvisor, interface: 'eth0' },
      {
        container_network_receive_bytes_total: counter(4e5),
        container_network_transmit_bytes_total: counter(2e5),
      },
    );
    const state = { ...of, job: 'kube-state-metrics' };
    add('kube_pod_info', { ...state, node: host, pod_ip: `10.0.0.${at}` }, constant(1));
    const owner = { owner_kind: 'ReplicaSet', owner_name: pod.slice(0, 8) };
    add('kube_pod_owner', { ...state, ...owner }, constant(1));
    const workload = { workload: pod.slice(0, 3), workload_type: 'deployment' };
    add('namespace_workload_pod:kube_pod_owner:relabel', { ...of, ...workload }, constant(1));
    for (const phase of ['Running', 'Pending', 'Failed']) {
      const is = phase === (at === 2 ? 'Pending' : 'Running') ? 1 : 0;
      add('kube_pod_status_phase', { ...state, phase }, constant(is));
    }
  }
  for (const host of ['node1', 'node2']) {
    const labels = { cluster, node: host, job: 'kube-state-metrics' };
    add('kube_node_status_allocatable', { ...labels, resource: 'cpu', unit: 'core' }, constant(4));
    const memory = { ...labels, resource: 'memory', unit: 'byte' };
    add('kube_node_status_allocatable', memory, constant(16 * GIB));
    const ready = { ...labels, condition: 'Ready' };
    add('kube_node_status_condition', { ...ready, status: 'true' }, constant(1));
    add('kube_node_status_condition', { ...ready, status: 'false' }, constant(0));
    add('kubelet_running_pods', { cluster, job: 'kubelet', instance: host }, whole(8, 12));
  }
  for (const [name, wanted] of [
    ['api', 2],
    ['web', 3],
  ] as const) {
    all(
      add,
      { cluster, namespace: 'shop', deployment: name, job: 'kube-state-metrics' },
      {
        kube_deployment_spec_replicas: constant(wanted),
        kube_deployment_status_replicas_available: whole(1, 3),
      },
    );
  }
  const volume = { cluster, namespace: 'data', persistentvolumeclaim: 'data-db-0', job: 'kubelet' };
  add('kubelet_volume_stats_available_bytes', volume, gauge(GIB, 9 * GIB));
  add('kubelet_volume_stats_capacity_bytes', volume, constant(20 * GIB));
  for (const verb of ['GET', 'LIST', 'POST', 'WATCH']) {
    for (const code of ['200', '404', '500']) {
      const labels = {
        cluster,
        job: 'apiserver',
        verb,
        code,
        resource: 'pods',
        instance: 'm:6443',
      };
      add('apiserver_request_total', labels, counter(code === '200' ? 90 : 2));
    }
    const labels = { cluster, job: 'apiserver', verb, resource: 'pods', scope: 'namespace' };
    const bounds = ['0.05', '0.1', '0.5', '1', '5', '30', '60', '+Inf'];
    histogram(add, 'apiserver_request_duration_seconds', labels, bounds);
  }
}

function kafka(add: Add): void {
  for (const [at, instance] of ['kafka1:7071', 'kafka2:7071', 'kafka3:7071'].entries()) {
    const labels = { job: 'kafka', instance };
    for (const topic of ['orders', 'clicks']) {
      all(
        add,
        { ...labels, topic },
        {
          kafka_server_brokertopicmetrics_messagesin_total: counter(9000),
          kafka_server_brokertopicmetrics_bytesin_total: counter(4e6),
          kafka_server_brokertopicmetrics_bytesout_total: counter(9e6),
        },
      );
      for (const partition of ['0', '1']) {
        add('kafka_log_log_size', { ...labels, topic, partition }, gauge(1e8, 1e9));
      }
    }
    all(add, labels, {
      kafka_server_replicamanager_underreplicatedpartitions: whole(0, 1),
      kafka_server_replicamanager_partitioncount: constant(20),
      kafka_server_replicamanager_leadercount: whole(5, 8),
      kafka_controller_kafkacontroller_activecontrollercount: constant(at === 0 ? 1 : 0),
      kafka_controller_kafkacontroller_offlinepartitionscount: constant(0),
    });
    for (const request of ['Produce', 'FetchConsumer']) {
      for (const quantile of ['0.5', '0.99']) {
        const timed = { ...labels, request, quantile };
        add('kafka_network_requestmetrics_totaltimems', timed, gauge(1, 200));
      }
      add('kafka_network_requestmetrics_requests_total', { ...labels, request }, counter(800));
    }
  }
  for (const topic of ['orders', 'clicks']) {
    for (const partition of ['0', '1', '2']) {
      const labels = { job: 'kafka-exporter', topic, partition };
      add('kafka_topic_partition_current_offset', labels, counter(3000));
      for (const consumergroup of ['billing', 'search']) {
        const group = { ...labels, consumergroup };
        add('kafka_consumergroup_current_offset', group, counter(3000));
        add('kafka_consumergroup_lag', group, whole(0, 5000));
      }
    }
  }
}

function jvm(add: Add): void {
  for (const instance of ['app1:8080', 'app2:8080']) {
    const labels = { application: 'orders', instance, job: 'spring' };
    for (const [area, id] of [
      ['heap', 'G1 Eden Space'],
      ['heap', 'G1 Old Gen'],
      ['nonheap', 'Metaspace'],
    ] as const) {
      all(
        add,
        { ...labels, area, id },
        {
          jvm_memory_used_bytes: gauge(GIB / 16, GIB / 2),
          jvm_memory_committed_bytes: gauge(GIB / 2, GIB),
          jvm_memory_max_bytes: constant(area === 'heap' ? 2 * GIB : -1),
        },
      );
    }
    const pause = { ...labels, action: 'end of minor GC', cause: 'G1 Evacuation Pause' };
    all(add, pause, {
      jvm_gc_pause_seconds_count: counter(2),
      jvm_gc_pause_seconds_sum: counter(0.05),
      jvm_gc_pause_seconds_max: gauge(0, 0.2),
    });
    all(add, labels, {
      jvm_threads_live_threads: whole(30, 60),
      jvm_threads_daemon_threads: whole(20, 30),
      jvm_threads_peak_threads: constant(71),
      jvm_classes_loaded_classes: whole(15_000, 15_100),
      jvm_gc_memory_allocated_bytes_total: counter(5e7),
      process_cpu_usage: gauge(0, 1),
      system_cpu_usage: gauge(0, 1),
      system_cpu_count: constant(4),
      process_uptime_seconds: clock,
      process_start_time_seconds: constant(FROM_MS / 1000 - 3600),
      process_files_open_files: whole(100, 200),
      process_files_max_files: constant(1_048_576),
    });
    for (const state of ['runnable', 'blocked', 'waiting']) {
      add('jvm_threads_states_threads', { ...labels, state }, whole(0, 30));
    }
    for (const level of ['error', 'warn', 'info']) {
      add('logback_events_total', { ...labels, level }, counter(level === 'info' ? 50 : 1));
    }
    all(
      add,
      { ...labels, pool: 'HikariPool-1' },
      {
        hikaricp_connections: constant(10),
        hikaricp_connections_active: whole(0, 10),
        hikaricp_connections_pending: whole(0, 2),
      },
    );
    for (const uri of ['/orders', '/actuator/health']) {
      for (const status of ['200', '500']) {
        const outcome = status === '200' ? 'SUCCESS' : 'SERVER_ERROR';
        const request = { ...labels, uri, status, outcome, method: 'GET', exception: 'None' };
        const bounds = ['0.01', '0.05', '0.1', '0.5', '1', '+Inf'];
        histogram(add, 'http_server_requests_seconds', request, bounds);
      }
    }
  }
}

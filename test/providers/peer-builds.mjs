// How each peer is built, and which variables name its programs. A build gets its version, the folder it may
// write to, where programs belong, and `run` and `go`, which throw on failure.
//
// Some go.mod files have replacements, which `go install` refuses: those are built from a wrapper module.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

const PROMETHEUS = 'github.com/prometheus/prometheus/cmd';
const OTELCOL = new URL('./otelcol/', import.meta.url);

/** Telegraf whole can't be built everywhere: some plugins' modules are gone. */
const TELEGRAF_TAGS = [
  'custom',
  'inputs.tail',
  'outputs.http',
  'outputs.influxdb',
  'outputs.influxdb_v2',
  'parsers.influx',
  'serializers.influx',
  'serializers.prometheusremotewrite',
];

export const PEERS = {
  prometheus: {
    version: 'v0.315.0', // Prometheus 3.15
    binaries: { WEIR_PROMETHEUS: 'prometheus', WEIR_PROMTOOL: 'promtool' },
    build({ version, bin, go }) {
      const tools = ['promtool', 'prometheus'];
      go('mod', 'init', 'weirpeers');
      go('get', ...tools.map((tool) => `${PROMETHEUS}/${tool}@${version}`));
      for (const tool of tools) {
        go('build', '-tags', 'remove_all_sd', '-o', join(bin, tool), `${PROMETHEUS}/${tool}`);
      }
    },
  },
  minio: {
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    binaries: { WEIR_MINIO: 'minio' },
    build({ version, go }) {
      go('install', `github.com/minio/minio@${version}`);
    },
  },
  helm: {
    version: 'v3.22.0',
    binaries: { WEIR_HELM: 'helm' },
    build({ version, go }) {
      go('install', `helm.sh/helm/v3/cmd/helm@${version}`);
    },
  },
  otelcol: {
    version: 'v0.155.0',
    binaries: { WEIR_OTELCOL: 'otelcol' },
    build({ version, place, bin, run, go }) {
      go('install', `go.opentelemetry.io/collector/cmd/builder@${version}`);
      copyFileSync(new URL('builder.yaml', OTELCOL), join(place, 'builder.yaml'));
      const only = ['--skip-get-modules', '--skip-compilation'];
      run(join(bin, 'builder'), ...only, '--config', 'builder.yaml');
      copyFileSync(new URL('go.mod', OTELCOL), join(place, 'otelcol', 'go.mod'));
      go('-C', 'otelcol', 'build', '-mod=mod', '-o', join(bin, 'otelcol'), '.');
    },
  },
  telegraf: {
    version: 'v1.37.2',
    binaries: { WEIR_TELEGRAF: 'telegraf' },
    build({ version, go }) {
      const program = `github.com/influxdata/telegraf/cmd/telegraf@${version}`;
      go('install', '-tags', TELEGRAF_TAGS.join(','), program);
    },
  },
};

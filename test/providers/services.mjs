// What suites need, started at the first use, once, and stopped at the end: the build, the Kafka addon
// and a broker, an S3 server, and the real peers. Each gives environment variables that tests read. A
// service that failed to start fails every suite that needs it with the same message.
import { join } from 'node:path';
import { root } from '../../apps/weir/scripts/install.mjs';
import { run } from '../runner/process.mjs';

const ADDON_LIMIT_MS = 20 * 60_000;

export function createServices({ build }) {
  const started = new Map();
  const stops = [];

  const start = {
    async build() {
      await build();
      return {};
    },
    async kafka() {
      await buildKafkaAddon();
      const { startKafka } = await import('./kafka.mjs');
      const kafka = await startKafka();
      stops.push(() => kafka.stop());
      return { WEIR_TEST_KAFKA_BROKERS: kafka.brokers };
    },
    async s3() {
      const { startMoto } = await import('./moto.mjs');
      const moto = await startMoto();
      stops.push(() => moto.stop());
      return { WEIR_TEST_S3_ENDPOINT: moto.endpoint };
    },
    async peers() {
      const { preparePeers, prepareOtelPython } = await import('./peers.mjs');
      const programs = await preparePeers(['prometheus', 'helm', 'otelcol', 'telegraf']);
      return { ...programs, ...prepareOtelPython() };
    },
    async minio() {
      const { preparePeers, startMinio } = await import('./peers.mjs');
      const { WEIR_MINIO } = await preparePeers(['minio']);
      const minio = await startMinio(WEIR_MINIO);
      stops.push(() => minio.stop());
      return { WEIR_MINIO, ...minio.environment };
    },
  };

  return {
    /** The variables of the named services together. Throws when one of them cannot be had. */
    async environment(names) {
      const env = {};
      for (const name of names) {
        if (!started.has(name)) {
          const attempt = start[name]();
          attempt.catch(() => {});
          started.set(name, attempt);
        }
        try {
          Object.assign(env, await started.get(name));
        } catch (error) {
          throw new Error(
            `${name} cannot be had: ${error instanceof Error ? error.message : error}`,
          );
        }
      }
      return env;
    },
    async stop() {
      while (stops.length > 0) {
        try {
          await stops.pop()();
        } catch (error) {
          console.log(`a service did not stop: ${error instanceof Error ? error.message : error}`);
        }
      }
    },
  };
}

async function buildKafkaAddon() {
  const script = join(root, 'libs', 'log', 'scripts', 'build-kafka-addon.mjs');
  const ended = await run(process.execPath, [script], { cwd: root, limitMs: ADDON_LIMIT_MS });
  if (ended.problem) throw new Error(`npm run kafka:build failed: ${ended.output}${ended.problem}`);
}

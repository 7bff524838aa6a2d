// What the tidy rules compare the tree with. A change here is a change of the architecture: say why in
// docs/decisions/.

/** A lib imports only lower layers; NEIGHBOURS are the exceptions. */
export const LAYERS: Readonly<Record<string, number>> = {
  runtime: 0,
  bytes: 0,
  errors: 0,
  model: 1,
  telemetry: 1,
  wire: 2,
  tsdb: 2,
  promql: 2,
  rules: 2,
  limits: 2,
  config: 2,
  log: 3,
  head: 3,
  bucket: 3,
  cache: 3,
  cluster: 3,
  http: 3,
  secrets: 3,
  catalog: 4,
  query: 4,
};

/** Imports within a layer that the design allows: importer, and what it may import. */
export const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
  bytes: ['errors'],
  runtime: ['errors'],
  limits: ['config'],
  cluster: ['log'],
  query: ['catalog'],
};

/** The app that composes the others. */
export const COMPOSITION_ROOT = '@weir/weir';

/** The layers from 0 up to this one do no input or output. */
export const PURE_LAYER_MAX = 2;

/** Every package from outside, and the only folders that may import it (tests are free). */
export const OUTSIDE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-s3': ['libs/bucket/src/s3/'],
  '@confluentinc/kafka-javascript': ['libs/log/src/kafka/', 'libs/cluster/src/kafka/'],
  '@lezer/common': ['libs/promql/src/'],
  '@lezer/lr': ['libs/promql/src/'],
  '@prometheus-io/lezer-promql': ['libs/promql/src/'],
  fastify: ['libs/http/src/', 'apps/'],
  'lz4-napi': ['libs/log/src/'],
  pino: ['libs/telemetry/src/'],
  'prom-client': ['libs/telemetry/src/'],
  re2js: ['libs/model/src/'],
  rocksdb: ['libs/head/src/rocksdb/'],
  snappy: ['libs/wire/src/snappy/'],
  ulid: ['apps/ingester/src/'],
  yaml: ['libs/config/src/'],
};

/** Declared though nothing imports them, each with its reason. */
export const UNUSED_EXCEPTIONS: Readonly<Record<string, string>> = {
  '@lezer/lr': '@prometheus-io/lezer-promql wants it beside itself (a peer dependency)',
};

/** Programs that esbuild bundles beside the main one; nothing imports them. */
export const ENTRY_FILES: readonly string[] = [
  'apps/weir/src/main.ts',
  'apps/ingester/src/partition-worker.ts',
  'apps/querier/src/worker.ts',
  'apps/weir/src/weirctl.ts',
];

export const FILE_LINES_MAX = 450;
export const TEST_LINES_MAX = 600;

/** Files that may touch wall clock, timers or randomness outside libs/runtime, each with its reason. */
export const AMBIENT_EXCEPTIONS: Readonly<Record<string, string>> = {};

/** Relative imports that may leave a package, each with its reason. */
export const REACH_EXCEPTIONS: readonly { from: RegExp; to: RegExp; reason: string }[] = [
  {
    from: /^test\/.*\.mjs$/,
    to: /^apps\/weir\/scripts\//,
    reason: 'they run before anything is installed, when no package name can be resolved',
  },
  {
    from: /^test\/simulation\/checks\/soundness\.ts$/,
    to: /^libs\/head\/src\/(open|slabs\/clean-slabs-fixture)\.ts$/,
    reason: 'it looks at what no user of a head may know: its memory beside its images',
  },
];

// The symbol space of Mimir's record version 2: references below 64 name strings that both sides know,
// the others index the record's own table. Mimir calls its table "not yet stabilised": the order here
// is part of the format, entries are only ever appended.
import { utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';

/** The first reference that indexes the record's own symbols. */
export const COMMON_SYMBOLS_SIZE = 64;

export const COMMON_SYMBOLS: readonly string[] = [
  '',
  '__name__',
  '__aggregation__',
  '<aggregated>',
  'le',
  'component',
  'cortex_request_duration_seconds_bucket',
  'storage_operation_duration_seconds_bucket',
  'grafana',
  'asserts_env',
  'asserts_request_context',
  'asserts_source',
  'asserts_entity_type',
  'asserts_request_type',
  'name',
  'image',
  'cluster',
  'namespace',
  'pod',
  'job',
  'instance',
  'container',
  'replicaset',
  'interface',
  'status_code',
  'resource',
  'operation',
  'method',
  'kube-system',
  'kube-system/cadvisor',
  'node-exporter',
  'node-exporter/node-exporter',
  'kube-system/kubelet',
  'kube-system/node-local-dns',
  'kube-state-metrics/kube-state-metrics',
  'default/kubernetes',
];

const COMMON_BYTES = COMMON_SYMBOLS.map(utf8);

/** The bytes of a reference, or an `invalid` error when neither table has it. */
export function symbolOf(own: readonly Uint8Array[], reference: number): Uint8Array {
  const found =
    reference < COMMON_SYMBOLS_SIZE
      ? COMMON_BYTES[reference]
      : own[reference - COMMON_SYMBOLS_SIZE];
  if (found === undefined) {
    throw new WeirError(
      'invalid',
      `record version 2: symbol reference ${reference} is out of range`,
    );
  }
  return found;
}

// Whether the labels of a vector stay unique when the metric name goes: then dropping names can stream.
import type { Matcher } from '@weir/model';
import type { VectorNode } from '../plan/nodes.ts';

/** Aggregations whose result has the labels of their input, the name among them. */
const KEEPING_SERIES: readonly string[] = ['topk', 'bottomk', 'limitk', 'limit_ratio'];

export function namesAreUnique(node: VectorNode): boolean {
  switch (node.kind) {
    case 'select':
      return hasOneName(node.read.matchers);
    case 'window':
      return node.source.kind === 'read'
        ? hasOneName(node.source.matchers)
        : namesAreUnique(node.source.input);
    case 'aggregate':
      if (KEEPING_SERIES.includes(node.op)) return namesAreUnique(node.input);
      return node.without || !node.grouping.includes('__name__');
    case 'map':
    case 'repeat':
    case 'shared':
    case 'histogram-fraction':
      return namesAreUnique(node.input);
    case 'histogram-quantile':
      return node.label === undefined && namesAreUnique(node.input);
    case 'vector-scalar':
      return namesAreUnique(node.vector);
    case 'absent':
    case 'from-scalar':
      return true;
    default:
      return false;
  }
}

/** True if the matchers pin the metric name. */
export function hasOneName(matchers: readonly Matcher[]): boolean {
  return matchers.some(({ name, op }) => name === '__name__' && op === '=');
}

// Walks the plan and connects streams of rows. Deliberately no arithmetic here: kernels are in
// functions/ and in the operators' own files.
import { compareLabels, labelsOf, labelValue, type MatcherSpec } from '@weir/model';
import { larger, smaller } from '../functions/elementwise.ts';
import type { Histogram } from '../histogram/histogram.ts';
import { scalarOperator } from '../plan/constants.ts';
import type {
  AggregateNode,
  SampleNode,
  ScalarNode,
  SharedNode,
  VectorNode,
  WindowNode,
} from '../plan/nodes.ts';
import { collectGroups, collectRows } from '../push/collect.ts';
import { isFold, isRanked, partOf, pushedRead } from '../push/part.ts';
import { foldGroups } from './aggregate.ts';
import { mergedRows, rankGroups } from './aggregate-ranked.ts';
import { compareNaNLast } from './best-values.ts';
import { evaluateSet, evaluateVectors, type Sides } from './binary.ts';
import { dropsName } from './binary-rows.ts';
import type { Context } from './context.ts';
import { afterErrorsOf } from './error-order.ts';
import { histogramFraction, histogramQuantiles, type Quantile } from './histogram-functions.ts';
import { addInfo } from './info.ts';
import { labelChange } from './label-functions.ts';
import { scalarChange, valueChange } from './map-rows.ts';
import { NameDropper } from './names.ts';
import { compareNaturally } from './natural-order.ts';
import {
  ABSENT,
  FLOAT,
  forEachRow,
  mapRows,
  Row,
  RowSet,
  type RowStream,
  streamOf,
} from './rows.ts';
import { SampleCounts } from './sample-counts.ts';
import { readSamples, type SampleStream, samplesOfRows } from './samples.ts';
import { selectRows, windowRows } from './series-rows.ts';
import { namesAreUnique } from './uniqueness.ts';

const NO_LABELS = labelsOf({});

export class Evaluator {
  readonly names: NameDropper;
  readonly #context: Context;
  /** Kept results of nodes that occur more than once, by plan node. */
  readonly #shared = new Map<SharedNode, RowSet>();
  readonly #sharedCounts = new Map<SharedNode, SampleCounts>();

  constructor(context: Context) {
    this.#context = context;
    this.names = new NameDropper(context);
  }

  async vector(node: VectorNode): Promise<RowStream> {
    // A subquery whose range holds no step: nothing is evaluated, and nothing refused.
    if (node.steps.count === 0) return streamOf([], 0);
    return (await this.#pushed(node)) ?? this.#vector(node);
  }

  /** The rows of a node that is evaluated where its series are. */
  async #pushed(node: VectorNode): Promise<RowStream | undefined> {
    const context = this.#context;
    if (!context.pushes) return undefined;
    const read = pushedRead(node, context.settings);
    if (read === undefined) return undefined;
    context.check();
    const part = partOf(node, context.settings, true);
    const answers = await context.queryable.evaluate!(read, part, context.signal);
    if (answers === undefined) return undefined;
    if (isFold(node)) return collectGroups(answers, node, context);
    const rows = collectRows(answers, node.steps.count, context);
    if (!isRanked(node)) return rows;
    return rankGroups(node, rows, await this.scalar(node.param), context);
  }

  async #vector(node: VectorNode): Promise<RowStream> {
    const { count } = node.steps;
    switch (node.kind) {
      case 'select': {
        const staleness = node.result === 'smoothed' ? 'drop' : 'keep';
        const rows = selectRows(
          node,
          await readSamples(node.read, this.#context, staleness),
          this.#context,
        );
        const ofTime = node.result === 'timestamp' || node.result === 'start-timestamp';
        return ofTime ? this.#dropNames(rows, node) : rows;
      }
      case 'window':
        return this.#window(node);
      case 'aggregate':
        return this.#aggregate(node);
      case 'map': {
        const input = () => this.vector(node.input);
        const params = await this.#after(input, () => this.#scalars(node.params));
        return this.#dropNames(mapRows(await input(), valueChange(node, params)), node.input);
      }
      case 'vector-scalar': {
        const vector = () => this.vector(node.vector);
        const scalar = () => this.scalar(node.scalar);
        const values = node.scalarLeft ? await scalar() : await this.#after(vector, scalar);
        const rows = mapRows(await vector(), scalarChange(node, values, this.#context));
        return dropsName(node.op, node.returnBool) ? this.#dropNames(rows, node.vector) : rows;
      }
      case 'vector-vector':
        return evaluateVectors(node, this.#sides(node), this.#context, this.names);
      case 'set':
        return evaluateSet(node, this.#sides(node), this.#context);
      case 'labels': {
        const change = labelChange(node);
        const changed = mapRows(await this.vector(node.input), change);
        return streamOf(await mergedRows(changed, this.#context), count);
      }
      case 'absent':
        return this.#absent(await this.vector(node.input), node.matchers, count);
      case 'from-scalar': {
        const row = new Row(count);
        row.labels = NO_LABELS;
        row.v.set(await this.scalar(node.input));
        row.p.fill(1);
        return streamOf([row], count);
      }
      case 'histogram-quantile':
        return this.#quantiles(node);
      case 'histogram-fraction': {
        const lower = await this.scalar(node.lower);
        const upper = await this.scalar(node.upper);
        const input = await this.vector(node.input);
        const rows = await histogramFraction(input, lower, upper, node.span, this.#context);
        return this.#dropNames(rows, node);
      }
      case 'info': {
        const { read } = node.infos;
        const samples = await readSamples(read, this.#context, 'keep');
        const base = await this.vector(node.input);
        return addInfo(base, selectRows(node.infos, samples, this.#context), node, this.#context);
      }
      case 'sort':
        return this.#sort(node);
      case 'repeat':
        return this.#repeat(node.input, count);
      case 'shared':
        return this.#share(node);
    }
  }

  async scalar(node: ScalarNode): Promise<Float64Array> {
    const { startMs, stepMs, count } = node.steps;
    const out = new Float64Array(count);
    switch (node.kind) {
      case 'number':
        return out.fill(node.value);
      case 'time':
        for (let step = 0; step < count; step++) out[step] = (startMs + step * stepMs) / 1000;
        return out;
      case 'negate':
        return (await this.scalar(node.input)).map((value) => -value);
      case 'scalar-scalar': {
        const [left, right] = [await this.scalar(node.left), await this.scalar(node.right)];
        const compute = scalarOperator(node.op);
        for (let step = 0; step < count; step++) out[step] = compute(left[step]!, right[step]!);
        return out;
      }
      case 'extreme': {
        const [left, right] = [await this.scalar(node.left), await this.scalar(node.right)];
        const pick = node.name === 'min_of' ? smaller : larger;
        for (let step = 0; step < count; step++) out[step] = pick(left[step]!, right[step]!);
        return out;
      }
      case 'scalar-of':
        return this.#onlyValue(await this.vector(node.input), out);
    }
  }

  /** `inner` counts what a subquery looks at. */
  async samples(node: SampleNode, inner?: SampleCounts): Promise<SampleStream> {
    if (node.kind === 'read') return readSamples(node, this.#context, 'drop');
    const input = await this.#counting(inner, node.input);
    return samplesOfRows(input, node.input.steps, this.#context);
  }

  /** The rows of a node whose samples are counted apart. */
  async #counting(counts: SampleCounts | undefined, node: VectorNode): Promise<RowStream> {
    const context = this.#context;
    const before = context.counts;
    context.counts = counts;
    try {
      return await this.vector(node);
    } finally {
      context.counts = before;
    }
  }

  #after<T>(earlier: () => Promise<RowStream | SampleStream>, later: () => Promise<T>): Promise<T> {
    return afterErrorsOf(earlier, later, this.#context);
  }

  async #scalars(nodes: readonly ScalarNode[]): Promise<Float64Array[]> {
    const columns: Float64Array[] = [];
    for (const node of nodes) columns.push(await this.scalar(node));
    return columns;
  }

  /** One side is read to its end before the other is opened. */
  #sides(node: { left: VectorNode; right: VectorNode }): Sides {
    return { left: () => this.vector(node.left), right: () => this.vector(node.right) };
  }

  #dropNames(rows: RowStream, source: VectorNode): Promise<RowStream> {
    return this.names.dropAll(rows, namesAreUnique(source));
  }

  async #quantiles(node: Extract<VectorNode, { kind: 'histogram-quantile' }>): Promise<RowStream> {
    const quantiles: Quantile[] = [];
    for (const { node: wanted, span } of node.quantiles) {
      quantiles.push({ values: await this.scalar(wanted), span });
    }
    const input = await this.vector(node.input);
    const rows = await histogramQuantiles(input, quantiles, node, this.#context);
    return this.#dropNames(rows, node);
  }

  async #window(node: WindowNode): Promise<RowStream> {
    const source = () => this.samples(node.source);
    const params = await this.#after(source, () => this.#scalars(node.params));
    const rows = windowRows(node, await source(), params, this.#context);
    if (node.keepName) return rows;
    // As Prometheus, which is stricter here than with functions of single values.
    return this.names.dropAll(rows, namesAreUnique(node), node.name !== 'absent_over_time');
  }

  async #aggregate(node: AggregateNode): Promise<RowStream> {
    const param = node.param ? await this.scalar(node.param) : undefined;
    const input = await this.vector(node.input);
    const ranked = node.param !== undefined || node.op === 'count_values';
    return ranked
      ? rankGroups(node, input, param, this.#context)
      : foldGroups(node, input, this.#context);
  }

  /** scalar(v): the value where exactly one series has one, else NaN. */
  async #onlyValue(input: RowStream, out: Float64Array): Promise<Float64Array> {
    const seen = new Uint32Array(out.length);
    await forEachRow(input, this.#context, (row) => {
      for (let step = 0; step < out.length; step++) {
        if (row.p[step] !== FLOAT) continue;
        seen[step] = seen[step]! + 1;
        out[step] = row.v[step]!;
      }
    });
    for (let step = 0; step < out.length; step++) if (seen[step] !== 1) out[step] = Number.NaN;
    return out;
  }

  async #absent(
    input: RowStream,
    matchers: readonly MatcherSpec[],
    count: number,
  ): Promise<RowStream> {
    const out = new Row(count);
    out.labels = labelsOf(labelsOfAbsent(matchers));
    out.p.fill(1);
    out.v.fill(1);
    await forEachRow(input, this.#context, (row) => {
      for (let step = 0; step < count; step++) if (row.p[step] !== ABSENT) out.p[step] = ABSENT;
    });
    return streamOf(out.isEmpty() ? [] : [out], count);
  }

  async #sort(node: Extract<VectorNode, { kind: 'sort' }>): Promise<RowStream> {
    const { count } = node.steps;
    if (node.inRange) this.#context.annotations.warn(SORT_IN_RANGE, node.span);
    const rows = [...(await RowSet.of(await this.vector(node.input), this.#context)).rows];
    const down = node.name.endsWith('_desc') ? -1 : 1;
    if (node.name.startsWith('sort_by_label')) {
      rows.sort((a, b) => down * compareByLabels(a, b, node.labels));
      return streamOf(rows, count);
    }
    // Native histograms have no order.
    const floats = rows.filter((row) => !row.dropHistograms() || !row.isEmpty());
    if (count > 1) return streamOf(floats, count);
    floats.sort((a, b) => compareNaNLast(a.v[0]!, b.v[0]!, down));
    return streamOf(floats, count);
  }

  async #repeat(node: VectorNode, count: number): Promise<RowStream> {
    const { counts } = this.#context;
    const once = counts && new SampleCounts(node.steps.count);
    const input = await this.#counting(once, node);
    const row = new Row(count);
    const take = (more: boolean) => {
      if (!more) {
        if (once !== undefined) counts!.addRepeated(once);
        return false;
      }
      row.labels = input.row.labels;
      row.dropName = input.row.dropName;
      row.v.fill(input.row.v[0]!);
      row.p.fill(input.row.p[0]!);
      const { h } = input.row;
      row.h = h && new Array<Histogram | undefined>(count).fill(h[0]);
      return true;
    };
    return {
      row,
      next() {
        const more = input.next();
        return typeof more === 'boolean' ? take(more) : more.then(take);
      },
      close: () => input.close(),
    };
  }

  async #share(node: SharedNode): Promise<RowStream> {
    if (node.uses === 1) return this.vector(node.input);
    let kept = this.#shared.get(node);
    if (kept === undefined) {
      const once = this.#context.counts && new SampleCounts(node.steps.count);
      kept = await RowSet.of(await this.#counting(once, node.input), this.#context);
      this.#shared.set(node, kept);
      if (once !== undefined) this.#sharedCounts.set(node, once);
    }
    const once = this.#sharedCounts.get(node);
    if (once !== undefined) this.#context.counts?.add(once);
    return kept.stream(node.steps.count);
  }
}

const SORT_IN_RANGE =
  'sort is ineffective for range queries since results are always ordered by labels';

/** Labels of which one matcher says all, what they equal. */
function labelsOfAbsent(matchers: readonly MatcherSpec[]): Record<string, string> {
  const labels = new Map<string, string>();
  const unclear = new Set(['__name__']);
  for (const { name, op, value } of matchers) {
    if (op !== '=' || labels.has(name)) unclear.add(name);
    else labels.set(name, value);
  }
  for (const name of unclear) labels.delete(name);
  return Object.fromEntries(labels);
}

/** Natural order of the given labels, then of all. */
function compareByLabels(a: Row, b: Row, names: readonly string[]): number {
  for (const name of names) {
    const [left, right] = [labelValue(a.labels, name) ?? '', labelValue(b.labels, name) ?? ''];
    if (left !== right) return compareNaturally(left, right);
  }
  return compareLabels(a.labels, b.labels);
}

// Which series matchers select, kept while no series of the tenant comes or goes: a dashboard asks the same again and
// again, and its expressions, unions and intersections cost more than to look at the newest sample of each.
import { type Matcher, matchersKey } from '@weir/model';
import type { LabelIndex } from './label-index.ts';
import { selectRefs } from './select-refs.ts';

interface Selection {
  readonly refs: Uint32Array;
  readonly changes: number;
}

/** Of a selection beside its refs. */
const SELECTION_BYTES = 400;
/** Of all bytes one selection may take this part. */
const SELECTION_PART = 0.5;

export class KeptSelections {
  readonly #index: LabelIndex;
  readonly #bytesMax: () => number;
  /** By tenant and matchers, the one asked for last behind the others. */
  readonly #kept = new Map<string, Selection>();
  #sizeBytes = 0;

  /** `bytesMax` may change with the index. */
  constructor(index: LabelIndex, bytesMax: () => number) {
    this.#index = index;
    this.#bytesMax = bytesMax;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** As selectRefs(): ascending, the caller's own. */
  select(tenant: number, matchers: readonly Matcher[]): Uint32Array {
    const { changes } = this.#index.tenant(tenant);
    const key = `${tenant}${matchersKey(matchers)}`;
    const known = this.#kept.get(key);
    if (known !== undefined) this.#remove(key, known);
    if (known?.changes === changes) {
      this.#add(key, known);
      return known.refs.slice();
    }
    const refs = selectRefs(this.#index, tenant, matchers);
    const bytesMax = this.#bytesMax();
    const selection = { refs: refs.slice(), changes };
    if (sizeOf(key, selection) > bytesMax * SELECTION_PART) return refs;
    this.#add(key, selection);
    for (const [oldest, other] of this.#kept) {
      if (this.#sizeBytes <= bytesMax) break;
      this.#remove(oldest, other);
    }
    return refs;
  }

  #add(key: string, selection: Selection): void {
    this.#kept.set(key, selection);
    this.#sizeBytes += sizeOf(key, selection);
  }

  #remove(key: string, selection: Selection): void {
    this.#kept.delete(key);
    this.#sizeBytes -= sizeOf(key, selection);
  }
}

function sizeOf(key: string, { refs }: Selection): number {
  return key.length * 2 + refs.byteLength + SELECTION_BYTES;
}

// Which coding a client wants of an answer (RFC 9110, 12.5.3).

export type Coding = 'gzip' | 'zstd';

export interface Wanted {
  /** Nothing: the answer goes as it is. */
  readonly coding: Coding | undefined;
  /** The client takes nothing that isn't coded. */
  readonly refusesPlain: boolean;
}

/**
 * The coding of the largest weight; of equal ones the first of `codings`. Whoever names a coding wants it rather than
 * none, unless `identity` is named with a larger weight. Where nothing suits, the answer goes as it is.
 */
export function wantedCoding(
  header: string | readonly string[] | undefined,
  codings: readonly Coding[],
): Wanted {
  const weights = weightsOf(typeof header === 'object' ? header.join(',') : (header ?? ''));
  const any = weights.get('*') ?? 0;
  let best = weights.get('identity') ?? 0;
  let coding: Coding | undefined;
  for (const each of codings) {
    const weight = weights.get(each) ?? any;
    if (weight === 0 || weight < best || (weight === best && coding !== undefined)) continue;
    best = weight;
    coding = each;
  }
  const plain = weights.get('identity') ?? weights.get('*');
  return { coding, refusesPlain: coding !== undefined && plain === 0 };
}

/** What is no weight leaves its entry out. */
function weightsOf(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const entry of header.split(',')) {
    const found = /^\s*([^\s;]+)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i.exec(entry);
    if (found === null) continue;
    const name = found[1]!.toLowerCase();
    weights.set(name === 'x-gzip' ? 'gzip' : name, Number(found[2] ?? 1));
  }
  return weights;
}

// A tenant's settings as the scan takes them, changed by what a request's headers ask for; the same object as long as
// they are the same, so that what the scan has learned under them is found again.
import { WeirError } from '@weir/errors';
import { otlpStrategyOf, type TenantLimits } from '@weir/limits';
import type { OtlpTranslation, StartTimes } from '@weir/wire';

/** Headers of a request; undefined where it hasn't them, or where they don't count. */
export interface OtlpAsked {
  /** X-Mimir-OTLP-TranslationStrategy */
  readonly strategy: string | undefined;
  /** X-Mimir-OTLP-AddSuffixes */
  readonly suffixes: string | undefined;
}

export const STRATEGY_HEADER = 'x-mimir-otlp-translationstrategy';
export const SUFFIXES_HEADER = 'x-mimir-otlp-addsuffixes';

/** Of each strategy the one with suffixes, and the one without. */
const PAIRS = [
  ['UnderscoreEscapingWithSuffixes', 'UnderscoreEscapingWithoutSuffixes'],
  ['NoUTF8EscapingWithSuffixes', 'NoTranslation'],
] as const;

const made = new WeakMap<TenantLimits, Map<string, OtlpTranslation>>();

/** Throws `invalid` where the headers ask for what doesn't exist, or contradicts the tenant's name validation scheme. */
export function translationOf(limits: TenantLimits, asked?: OtlpAsked): OtlpTranslation {
  const strategy = strategyOf(limits, asked);
  let byStrategy = made.get(limits);
  if (byStrategy === undefined) {
    byStrategy = new Map();
    made.set(limits, byStrategy);
  }
  let translation = byStrategy.get(strategy);
  if (translation === undefined) {
    translation = {
      strategy,
      underscoresKept: limits.otelUnderscoresKept,
      keyPrefixed: limits.otelKeyPrefixed,
      promotedAttributes: limits.otelPromotedAttributes,
      identifyingKept: limits.otelIdentifyingKept,
      scopeLabels: limits.otelScopeLabels,
      customBuckets: limits.otelCustomBuckets,
      deltas: limits.otelDeltas,
      startTimes: startTimesOf(limits),
    };
    byStrategy.set(strategy, translation);
  }
  return translation;
}

/** Kept as they are told, those of deltas count as well; a zero is put at the start of what adds up only. */
function startTimesOf({ startTimestamps, otelCreatedTimes }: TenantLimits): StartTimes {
  if (startTimestamps) return 'all';
  return otelCreatedTimes ? 'cumulative' : 'none';
}

function strategyOf(limits: TenantLimits, asked: OtlpAsked | undefined) {
  const { strategy, suffixes } = asked ?? {};
  if (!strategy && !suffixes) return otlpStrategyOf(limits);
  const { nameValidationScheme } = limits;
  if (strategy) {
    const otelSuffixes = suffixes ? wantsSuffixes(suffixes) : false;
    return otlpStrategyOf({ otelStrategy: strategy, otelSuffixes, nameValidationScheme });
  }
  const own = otlpStrategyOf(limits);
  const pair = PAIRS.find((both) => both.some((one) => one === own))!;
  return pair[wantsSuffixes(suffixes!) ? 0 : 1];
}

function wantsSuffixes(header: string): boolean {
  const value = header.trim().toLowerCase();
  if (value === 'true' || value === 'false') return value === 'true';
  throw new WeirError('invalid', `X-Mimir-OTLP-AddSuffixes: '${header}' is neither true nor false`);
}

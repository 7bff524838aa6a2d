// Per-tenant limits: their flags, their resolution, and the ingestion-rate bucket. Pure.
export { blockedQueriesOf, type QueryRange } from './blocked-queries.ts';
export { createLimits, type Limits, type TenantOverrides } from './limits.ts';
export { limitsFlags, type TenantLimits } from './limits-flags.ts';
export { type OtlpStrategyLimits, type OtlpStrategyName, otlpStrategyOf } from './otlp-limits.ts';
export { createRateLimiter, type Rate, type RateLimiter } from './rate-limiter.ts';

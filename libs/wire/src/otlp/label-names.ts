// Attribute keys as label names (OpenTelemetry's compatibility specification; the results are those of
// Prometheus's OTLP receiver). Cached per key by who asks.
import { isEscaping, type OtlpTranslation } from './translation.ts';

/** The label name of an attribute; undefined when nothing but underscores would be left of it. */
export function labelName(key: string, translation: OtlpTranslation): string | undefined {
  if (key === '') return undefined;
  if (!isEscaping(translation.strategy)) return /^_+$/.test(key) ? undefined : key;
  let name = escaped(key, translation.underscoresKept);
  if (/^[0-9]/.test(name)) name = `key_${name}`;
  else if (translation.keyPrefixed && /^_(?!_)/.test(name)) name = `key${name}`;
  return /^_+$/.test(name) ? undefined : name;
}

function escaped(key: string, underscoresKept: boolean): string {
  const plain = key.replace(/[^a-zA-Z0-9_]/gu, '_');
  if (underscoresKept) return plain;
  // Names that Prometheus reserves keep both their ends.
  const reserved = /^__(.*[^_].*?)__$/.exec(plain);
  const inner = (reserved?.[1] ?? plain).replace(/_{2,}/g, '_');
  return reserved === null ? inner : `__${inner}__`;
}

// Limits that short labels and few of them reach, for tests.
import type { WriteRules } from './write-rules.ts';

export const NARROW_RULES: WriteRules = {
  labelNameBytesMax: 12,
  labelValueBytesMax: 200,
  labelNamesMax: 4,
  labelNamesInfoMax: 6,
  timestampMaxMs: 2 ** 45,
  timestampMinMs: 3,
  legacyNames: false,
  metadataBytesMax: 20,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

// What range-vector functions of native histograms have to say about the series in hand.

export interface WindowNotes {
  mixedSamples(): void;
  mixedSchemas(): void;
  ignored(): void;
  notACounter(): void;
  notAGauge(): void;
  reconciled(operation: 'aggregation' | 'addition' | 'subtraction'): void;
  conflictingResets(): void;
  /** A sample's start lies before the sample before it. */
  overlap(): void;
}

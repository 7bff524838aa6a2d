// What an ingester says of itself when it is asked whether it may be asked.
export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
  /** What operators should know though it is ready. */
  readonly notes?: readonly string[];
}

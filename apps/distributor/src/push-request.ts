// A push as data, so that tests and other transports need no HTTP server.

export interface PushRequest {
  readonly tenant: string;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  /** The header `Retry-Attempt`. */
  readonly retryAttempt: string | undefined;
  /** The headers by which senders ask to be judged less strictly; heeded where flags say so. */
  readonly skipLabelNames?: boolean;
  readonly skipLabelCount?: boolean;
  /** The header `traceparent`. */
  readonly traceparent?: string | undefined;
  /** As received: compressed. Not kept after the answer. */
  readonly body: Uint8Array;
}

// Types of kafka.mjs, which is plain JavaScript so that scripts without a build step can import it.
export interface KafkaProvider {
  readonly brokers: string;
  readonly listeners?: Readonly<Record<string, string>>;
  stop(): Promise<void>;
  stopFollower?(): Promise<void>;
  startFollower?(): Promise<void>;
  restart(): Promise<void>;
  kill(): Promise<void>;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
}

export function startKafka(options?: {
  readonly properties?: Readonly<Record<string, string>>;
  /** A broker that may be stopped and killed, whatever KAFKA_BROKERS says. */
  readonly own?: boolean;
  readonly listeners?: Readonly<Record<string, string>>;
  readonly scram?: readonly string[];
  /** A second broker. */
  readonly follower?: boolean;
}): Promise<KafkaProvider>;

// Types of kafka-cluster.mjs.
export interface KafkaCluster {
  /** host:port of all three, separated by commas. */
  readonly brokers: string;
  readonly ids: readonly number[];
  /** kill -9; startBroker() brings it back on the same port and data. */
  kill(id: number): Promise<void>;
  /** In order: its leaderships move first. */
  stopBroker(id: number): Promise<void>;
  startBroker(id: number): Promise<void>;
  /** Ends all and removes their data. */
  stop(): Promise<void>;
}

export function startKafkaCluster(options?: {
  readonly properties?: Readonly<Record<string, string>>;
  /** By broker. */
  readonly racks?: readonly string[];
}): Promise<KafkaCluster>;

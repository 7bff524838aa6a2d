// The native Kafka client without the log around it, to show what it does on its own. Tests only.
import * as module from '@confluentinc/kafka-javascript';

type Driver = typeof module;
export type Message = module.Message;
export type RawConsumer = module.KafkaConsumer & {
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void;
  commitCb(offsets: readonly object[], done: (error: unknown) => void): void;
};

export function call<Result>(
  start: (done: (error: unknown, result?: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error);
      else resolve(result as Result);
    });
  });
}

export function openRaw(brokers: string) {
  const driver = (module as Driver & { default?: Driver }).default ?? module;
  const admin = driver.AdminClient.create({ 'bootstrap.servers': brokers });
  const consumer = async (...args: [object, object?]): Promise<RawConsumer> => {
    const client = new driver.KafkaConsumer(...args) as RawConsumer;
    await call((done) => client.connect({ timeout: 10_000 }, done));
    return client;
  };
  return { driver, admin, consumer };
}

// A sender for long runs: scrapes of many instances as remote write 1.0, encoded once and patched in
// place (times, values, the generation that churn gives an instance), at a rate that the caller sets.
// What it was promised is known exactly: every step is retried until it is acknowledged, and values are a
// function of series and step, so counts and sums over any range can be told from arithmetic.
import { setTimeout as sleep } from 'node:timers/promises';
import { compress } from 'snappy';
import { encodeWriteRequest, type TestSeries } from './remote-write.ts';

const SERIES_PER_INSTANCE = 100;
const INSTANCES_PER_REQUEST = 20;
const GENERATION_DIGITS = 6;
const TIME_MARK = 2 ** 41;
const VALUES = 1009;

export interface PushAnswer {
  /** 0: none. */
  readonly status: number;
  readonly text: string;
  /** performance.now() when it was sent. */
  readonly sentMs: number;
}

export interface PacedLoadOptions {
  /** Where to push; asked anew for each attempt, as a load balancer is. */
  readonly base: string | (() => string);
  readonly tenant: string;
  readonly instances: number;
  readonly startMs: number;
  readonly stepMs: number;
  /** Series of an instance differ in more than their names, so that functions of ranges take all metrics at once. */
  readonly distinctLabels?: boolean;
  readonly answered?: (answer: PushAnswer) => void;
}

/** One request's series: where in its bytes the changing parts stand. */
interface Scrape {
  readonly body: Uint8Array;
  readonly view: DataView;
  /** By series: where its value begins; its time follows in a varint of six bytes. */
  readonly valuesAt: Int32Array;
  /** Where the digits of an instance's generation stand, and which instance. */
  readonly generations: readonly { readonly at: number; readonly instance: number }[];
  readonly firstSeries: number;
}

export class PacedLoad {
  readonly options: PacedLoadOptions;
  /** Samples a second over all; 0 sends as fast as answers come. */
  rate = 0;
  /** Steps that an instance lives before another takes its place; 0 for ever. */
  lifeSteps = 0;
  /** Every step below this is acknowledged whole. */
  acknowledgedSteps = 0;
  acknowledgedSamples = 0;
  readonly statuses = new Map<number, number>();
  readonly latenciesMs: number[] = [];
  readonly #scrapes: Scrape[];
  #running = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: PacedLoadOptions) {
    this.options = options;
    this.#scrapes = [];
    for (let first = 0; first < options.instances; first += INSTANCES_PER_REQUEST) {
      this.#scrapes.push(
        encodeScrape(first, Math.min(INSTANCES_PER_REQUEST, options.instances - first), options),
      );
    }
  }

  get seriesCount(): number {
    return this.options.instances * SERIES_PER_INSTANCE;
  }

  timeOf(step: number): number {
    return this.options.startMs + step * this.options.stepMs;
  }

  start(lanes = 3): void {
    this.#running = true;
    this.#done = this.#run(lanes);
    this.#done.catch(() => undefined); // stop() throws it
  }

  /** Ends between two steps, when everything sent is acknowledged. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(lanes: number): Promise<void> {
    let due = performance.now();
    for (let step = this.acknowledgedSteps; this.#running; step++) {
      const queue = [...this.#scrapes.keys()];
      const lane = async (): Promise<void> => {
        for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
          const scrape = this.#scrapes[at]!;
          if (this.rate > 0) {
            due += (scrape.valuesAt.length * 1000) / this.rate;
            const waitMs = due - performance.now();
            if (waitMs > 1) await sleep(waitMs);
            // What was missed while the server was away is not made up for.
            else if (waitMs < -1000) due = performance.now();
          }
          await this.#send(scrape, step);
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
      this.acknowledgedSteps = step + 1;
    }
  }

  async #send(scrape: Scrape, step: number): Promise<void> {
    this.#patch(scrape, step);
    const body = await compress(Buffer.from(scrape.body.buffer, 0, scrape.body.length));
    for (;;) {
      const answer = await this.#post(body);
      const { status } = answer;
      this.options.answered?.(answer);
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      if (status >= 200 && status < 300) {
        this.latenciesMs.push(performance.now() - answer.sentMs);
        this.acknowledgedSamples += scrape.valuesAt.length;
        return;
      }
      if (status >= 400 && status < 500 && status !== 429) throw new Error(`refused: ${status}`);
      await sleep(50);
    }
  }

  async #post(body: Buffer): Promise<PushAnswer> {
    const { base, tenant } = this.options;
    const sentMs = performance.now();
    try {
      const response = await fetch(`${typeof base === 'string' ? base : base()}/api/v1/push`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'x-prometheus-remote-write-version': '0.1.0',
          'x-scope-orgid': tenant,
        },
        signal: AbortSignal.timeout(30_000),
      });
      return { status: response.status, text: await response.text(), sentMs };
    } catch (error) {
      return { status: 0, text: String(error), sentMs };
    }
  }

  #patch({ body, view, valuesAt, generations, firstSeries }: Scrape, step: number): void {
    for (const { at, instance } of generations) {
      const generation = String(this.#generation(instance, step)).padStart(GENERATION_DIGITS, '0');
      for (let digit = 0; digit < GENERATION_DIGITS; digit++) {
        body[at + digit] = generation.charCodeAt(digit);
      }
    }
    const time = this.timeOf(step);
    for (let index = 0; index < valuesAt.length; index++) {
      const at = valuesAt[index]!;
      view.setFloat64(at, sampleValue(firstSeries + index, step), true);
      let left = time;
      for (let byte = 0; byte < 6; byte++, left = Math.floor(left / 128)) {
        body[at + 9 + byte] = (left % 128) | (byte < 5 ? 128 : 0);
      }
    }
  }

  #generation(instance: number, step: number): number {
    if (this.lifeSteps === 0) return 0;
    const phase = Math.floor((instance * this.lifeSteps) / this.options.instances);
    return Math.floor((step + phase) / this.lifeSteps) % 10 ** GENERATION_DIGITS;
  }

  /** Of each series of an instance that lives for ever: seconds and value of each step, as answers print them. */
  samplesOf(instance: number, steps: number): string[] {
    return Array.from({ length: SERIES_PER_INSTANCE }, (_, one) => {
      const series = instance * SERIES_PER_INSTANCE + one;
      return String(
        Array.from(
          { length: steps },
          (_, step) => `${this.timeOf(step) / 1000} ${sampleValue(series, step)}`,
        ),
      );
    });
  }

  readonly #sums = new Map<number, number>();

  /** Values repeat after so many steps as there are of them. */
  #sumOf(step: number): number {
    let sum = this.#sums.get(step);
    if (sum === undefined) {
      sum = 0;
      for (let series = 0; series < this.seriesCount; series++) sum += sampleValue(series, step);
      this.#sums.set(step, sum);
    }
    return sum;
  }

  /** Sum of all values of the steps [from, to): what `sum(sum_over_time(…))` must answer. */
  expectedSum(from: number, to: number): number {
    let sum = 0;
    for (let step = from; step < to; step++) sum += this.#sumOf(step % VALUES);
    return sum;
  }
}

export function instanceName(instance: number): string {
  return `10.40.${instance >> 8}.${instance & 255}:8080`;
}

function sampleValue(series: number, step: number): number {
  return (series * 31 + step * 7) % VALUES;
}

function encodeScrape(
  firstInstance: number,
  instances: number,
  { distinctLabels = false }: PacedLoadOptions,
): Scrape {
  const all: TestSeries[] = [];
  for (let instance = firstInstance; instance < firstInstance + instances; instance++) {
    for (let one = 0; one < SERIES_PER_INSTANCE; one++) {
      all.push({
        labels: {
          __name__: `paced_metric_${one % 25}`,
          cluster: 'production-europe-west-1',
          container: 'application-server',
          instance: instanceName(instance),
          job: `namespace/service-${instance % 20}`,
          kind: `kind-${distinctLabels ? one : Math.floor(one / 25)}`,
          namespace: `namespace-${instance % 10}`,
          pod: `deployment-${String(instance).padStart(5, '0')}-~${'0'.repeat(GENERATION_DIGITS)}`,
        },
        samples: [[TIME_MARK, 0]],
      });
    }
  }
  const raw = encodeWriteRequest(all);
  const body = new Uint8Array(raw);
  const bytes = Buffer.from(body.buffer);
  // Tag of the sample's time and the mark as a varint: no label contains them.
  const mark = Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]);
  const valuesAt: number[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1))
    valuesAt.push(at - 8);
  const generations: Scrape['generations'][number][] = [];
  for (let at = bytes.indexOf('-~'); at >= 0; at = bytes.indexOf('-~', at + 1)) {
    const instance = firstInstance + Math.floor(generations.length / SERIES_PER_INSTANCE);
    generations.push({ at: at + 2, instance });
  }
  if (valuesAt.length !== all.length || generations.length !== all.length) {
    throw new Error('the encoded scrape is not as expected');
  }
  return {
    body,
    view: new DataView(body.buffer),
    valuesAt: Int32Array.from(valuesAt),
    generations,
    firstSeries: firstInstance * SERIES_PER_INSTANCE,
  };
}

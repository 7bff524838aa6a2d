// Reads from thread to thread: a thread that reads is given a port to each thread that owns partitions, once, so
// that what they say to each other doesn't wait for the main thread, which takes pushes.
//
// Invariant: the main thread has named the owner right before, and learns of damage: what a direct read finds
// damaged is read again through it.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { isKind, WeirError } from '@weir/errors';
import type { ReadPort, ReadThread } from '../read-port.ts';
import { connectStreams } from './port-streams.ts';

/** What the reading thread is told of a new link. */
export interface ReadLink {
  readonly link: number;
  readonly port: MessagePort;
}

/** The main thread's side: gives the other side of `tell` a link to each thread that it asks for. */
export class ReadLinks {
  readonly #tell: (link: ReadLink, transfer: readonly MessagePort[]) => Promise<unknown>;
  readonly #links = new WeakMap<ReadThread, Promise<number>>();
  #last = 0;

  constructor(tell: (link: ReadLink, transfer: readonly MessagePort[]) => Promise<unknown>) {
    this.#tell = tell;
  }

  /** The number of the link to a thread, which is made where there is none. */
  to(thread: ReadThread): Promise<number> {
    const known = this.#links.get(thread);
    if (known !== undefined) return known;
    const made = this.#make(thread);
    this.#links.set(thread, made);
    return made;
  }

  async #make(thread: ReadThread): Promise<number> {
    const link = ++this.#last;
    const { port1, port2 } = new MessageChannel();
    await Promise.all([thread.answerAt(port1), this.#tell({ link, port: port2 }, [port2])]);
    return link;
  }
}

/** The reading thread's side. A link whose thread has ended is forgotten: reads then go through `relay`. */
export class ReadLinkEnds {
  readonly #relay: ReadPort;
  readonly #ports = new Map<number, ReadPort>();

  constructor(relay: ReadPort) {
    this.#relay = relay;
  }

  take({ link, port }: ReadLink): void {
    const streams = connectStreams(
      port,
      () => new WeirError('unavailable', 'the thread that owns partitions has stopped'),
    );
    port.on('close', () => this.#ports.delete(link));
    const direct: ReadPort = { read: (request, signal) => streams.open(request, signal) };
    this.#ports.set(link, reportingDamage(direct, this.#relay));
  }

  /** Where to read what is reached by a link; without one, or when it is gone, the main thread. */
  portOf(link: number | undefined): ReadPort {
    return (link === undefined ? undefined : this.#ports.get(link)) ?? this.#relay;
  }
}

function reportingDamage(direct: ReadPort, relay: ReadPort): ReadPort {
  return {
    async *read(request, signal) {
      try {
        yield* direct.read(request, signal);
      } catch (error) {
        if (isKind(error, 'corrupt')) for await (const _ of relay.read(request, signal));
        throw error;
      }
    },
  };
}

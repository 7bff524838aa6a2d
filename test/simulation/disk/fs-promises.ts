// Stands in for `node:fs/promises` in the simulation's bundle: the same calls on the simulated disk of the
// process that owns the path (`/sim/<process>/…`). So the code that keeps files runs as it is. A call that
// no code under simulation has needed yet is missing here, and bundling says so.
import type { SimProcess } from '../process.ts';
import { type Disk, type FileNode, failure, type Node, sync } from './disk.ts';

const OPERATION_MS = 0.5;
const ROOT = '/sim/';

interface Mount {
  readonly process: SimProcess;
  readonly disk: Disk;
}

const mounts = new Map<string, Mount>();

/** Gives a process its disk; returns where it finds it. */
export function mount(process: SimProcess, disk: Disk): string {
  mounts.set(process.name, { process, disk });
  return `${ROOT}${process.name}`;
}

export function unmountAll(): void {
  mounts.clear();
}

/** What the process's own disk holds at a path that production code named. */
export function locate(path: string): { process: SimProcess; disk: Disk; path: string } {
  const slash = path.indexOf('/', ROOT.length);
  const end = slash < 0 ? path.length : slash;
  const found = mounts.get(path.slice(ROOT.length, end));
  if (!path.startsWith(ROOT) || found === undefined) {
    throw new Error(`not on a simulated disk: ${path}`);
  }
  return { process: found.process, disk: found.disk, path: path.slice(end + 1) };
}

function on<T>(
  path: string,
  operation: string,
  effect: (disk: Disk, path: string) => T,
): Promise<T> {
  const found = locate(path);
  return found.process.local(`disk.${operation} ${shortened(found.path)}`, OPERATION_MS, () =>
    effect(found.disk, found.path),
  );
}

function shortened(path: string): string {
  let at = path.length;
  for (let parts = 3; parts > 0 && at > 0; parts--) at = path.lastIndexOf('/', at - 1);
  return path.slice(Math.max(0, at + 1));
}

export async function mkdir(path: string, options?: { recursive?: boolean }) {
  return on(path, 'mkdir', (disk, at) => {
    if (options?.recursive) return disk.makeDirectories(at);
    disk.parentOf(at);
    if (disk.lookUp(at) !== undefined) throw failure('EEXIST', at);
    return disk.makeDirectories(at);
  });
}

export async function readdir(path: string, options?: { withFileTypes?: boolean }) {
  return on(path, 'readdir', (disk, at) => {
    const { entries } = disk.directoryOf(at);
    const names = [...entries.keys()].sort();
    if (!options?.withFileTypes) return names;
    return names.map((name) => ({
      name,
      isDirectory: () => entries.get(name)?.kind !== 'file',
      isFile: () => entries.get(name)?.kind === 'file',
    }));
  });
}

export async function readFile(path: string, options?: string | { encoding?: string }) {
  return on(path, 'readFile', (disk, at) => {
    const bytes = Buffer.from(disk.fileOf(at).data);
    const encoding = typeof options === 'string' ? options : options?.encoding;
    return encoding === undefined ? bytes : bytes.toString(encoding as BufferEncoding);
  });
}

export async function writeFile(
  path: string,
  data: string | Uint8Array,
  options?: string | { flush?: boolean },
) {
  return on(path, 'writeFile', (disk, at) => {
    const file = create(disk, at, true);
    file.data = bytesOf(data);
    if (typeof options === 'object' && options.flush) sync(file);
  });
}

export async function rename(from: string, to: string) {
  return on(from, 'rename', (disk, at) => disk.move(at, locate(to).path));
}

export async function rm(path: string, options?: { recursive?: boolean; force?: boolean }) {
  return on(path, 'rm', (disk, at) => {
    if (disk.lookUp(at) === undefined && options?.force) return;
    const node = disk.find(at);
    if (node.kind === 'directory' && !options?.recursive) throw failure('EISDIR', at);
    disk.remove(at);
  });
}

export async function unlink(path: string) {
  return on(path, 'unlink', (disk, at) => disk.remove(at));
}

export async function copyFile(from: string, to: string) {
  return on(from, 'copyFile', (disk, at) => {
    create(disk, locate(to).path, true).data = disk.fileOf(at).data.slice();
  });
}

export async function stat(path: string) {
  return on(path, 'stat', (disk, at) => statOf(disk.find(at)));
}

export async function access(path: string) {
  return on(path, 'access', (disk, at) => void disk.find(at));
}

function statOf(node: Node) {
  return {
    size: node.kind === 'file' ? node.data.length : 0,
    isDirectory: () => node.kind !== 'file',
    isFile: () => node.kind === 'file',
  };
}

export async function open(path: string, flags = 'r') {
  const found = locate(path);
  const node = await on(path, 'open', (disk, at) =>
    flags.startsWith('r') ? disk.find(at) : create(disk, at, flags.startsWith('w')),
  );
  const local = <T>(operation: string, effect: () => T) =>
    found.process.local(`disk.${operation} ${shortened(found.path)}`, OPERATION_MS, effect);
  const file = (): FileNode => {
    if (node.kind !== 'file') throw failure('EISDIR', path);
    return node;
  };
  const append = (data: string | Uint8Array) => {
    file().data = Buffer.concat([file().data, bytesOf(data)]);
  };
  return {
    appendFile: (data: string | Uint8Array) => local('append', () => append(data)),
    write: (data: Uint8Array) =>
      local('write', () => {
        append(data);
        return { bytesWritten: data.length };
      }),
    read: (into: Uint8Array, offset: number, length: number, position: number) =>
      local('read', () => {
        const bytes = file().data.subarray(position, position + length);
        into.set(bytes, offset);
        return { bytesRead: bytes.length, buffer: into };
      }),
    stat: () => local('stat', () => statOf(node)),
    sync: () => local('sync', () => sync(node)),
    datasync: () => local('sync', () => sync(node)),
    close: () => local('close', () => undefined),
  };
}

export type FileHandle = Awaited<ReturnType<typeof open>>;

function create(disk: Disk, path: string, truncate: boolean): FileNode {
  const [parent, name] = disk.parentOf(path);
  const known = parent.entries.get(name);
  if (known !== undefined && known.kind !== 'file') throw failure('EISDIR', path);
  const file = known ?? { kind: 'file', data: new Uint8Array(0), synced: new Uint8Array(0) };
  if (truncate) file.data = new Uint8Array(0);
  parent.entries.set(name, file);
  return file;
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : Uint8Array.from(data);
}

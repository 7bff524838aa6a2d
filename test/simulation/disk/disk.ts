// A machine's disk: files, directories and stores that outlive a process. A process that is killed loses
// nothing of it; a power loss loses what was not synced, wholly or in part.
import type { Dice } from '../dice.ts';

export interface StoreNode {
  readonly kind: 'store';
  powerLoss(dice: Dice): void;
}

export interface FileNode {
  readonly kind: 'file';
  data: Uint8Array;
  synced: Uint8Array;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  entries: Map<string, Node>;
  synced: Map<string, Node>;
}

export type Node = StoreNode | FileNode | DirectoryNode;

export class Disk {
  readonly root: DirectoryNode = directory();

  /** The node at the path; throws ENOENT, ENOTDIR. */
  find(path: string): Node {
    const node = this.lookUp(path);
    if (node === undefined) throw failure('ENOENT', path);
    return node;
  }

  lookUp(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of namesOf(path)) {
      if (node?.kind !== 'directory') return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  directoryOf(path: string): DirectoryNode {
    const node = this.find(path);
    if (node.kind !== 'directory') throw failure('ENOTDIR', path);
    return node;
  }

  fileOf(path: string): FileNode {
    const node = this.find(path);
    if (node.kind !== 'file') throw failure('EISDIR', path);
    return node;
  }

  parentOf(path: string): [DirectoryNode, string] {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw failure('EINVAL', path);
    return [this.directoryOf(names.join('/')), name];
  }

  /** Makes all missing directories; returns the first one made. */
  makeDirectories(path: string): string | undefined {
    let node = this.root;
    let first: string | undefined;
    let at = '';
    for (const name of namesOf(path)) {
      at += `/${name}`;
      let next = node.entries.get(name);
      if (next === undefined) {
        next = directory();
        node.entries.set(name, next);
        first ??= at;
      }
      if (next.kind !== 'directory') throw failure('ENOTDIR', at);
      node = next;
    }
    return first;
  }

  move(from: string, to: string): void {
    const [source, name] = this.parentOf(from);
    const node = this.find(from);
    const [target, newName] = this.parentOf(to);
    const there = target.entries.get(newName);
    if (there?.kind === 'directory' && there.entries.size > 0) throw failure('ENOTEMPTY', to);
    source.entries.delete(name);
    target.entries.set(newName, node);
  }

  remove(path: string): void {
    const [parent, name] = this.parentOf(path);
    if (!parent.entries.delete(name)) throw failure('ENOENT', path);
  }

  powerLoss(dice: Dice): void {
    losePower(this.root, dice);
  }

  stores(): StoreNode[] {
    const found: StoreNode[] = [];
    const visit = (node: Node) => {
      if (node.kind === 'store') found.push(node);
      else if (node.kind === 'directory') for (const child of node.entries.values()) visit(child);
    };
    visit(this.root);
    return found;
  }

  clear(): void {
    this.root.entries.clear();
    this.root.synced.clear();
  }
}

export function directory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), synced: new Map() };
}

export function sync(node: Node): void {
  if (node.kind === 'file') node.synced = node.data;
  else if (node.kind === 'directory') node.synced = new Map(node.entries);
}

/** A directory comes back as it was synced or as it was last, a file with any part of what was added. */
function losePower(node: Node, dice: Dice): void {
  if (node.kind === 'store') node.powerLoss(dice);
  else if (node.kind === 'directory') {
    if (dice.chance(0.5)) node.entries = new Map(node.synced);
    node.synced = new Map(node.entries);
    for (const child of node.entries.values()) losePower(child, dice);
  } else if (node.data !== node.synced) {
    node.data = node.data.slice(0, dice.int(0, node.data.length));
    if (node.data.length < node.synced.length) node.data = node.synced;
    node.synced = node.data;
  }
}

function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

export function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}

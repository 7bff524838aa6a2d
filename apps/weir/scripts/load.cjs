// Starts a bundle with V8's cache of its compiled code: half of the time that an idle Weir takes to start is
// compiling. The build copies this file into dist, where each entry is one call of it. A cache made by
// another V8, for another source or with other V8 flags is refused by V8 itself, and the bundle compiled as
// if there were none; so is one that is missing. Nothing is written, except for warm-up.mjs. Since Node.js
// applies source maps to modules only, stacks are given the sources' places here.
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join, resolve } = require('node:path');
const { Script } = require('node:vm');
const { setFlagsFromString } = require('node:v8');
const { isMainThread, threadId } = require('node:worker_threads');

/** Runs dist/`name`, a CommonJS file in ASCII; `require` is the entry's. */
module.exports = function load(name, require) {
  if (isMainThread) keepCode();
  settle();
  const filename = join(__dirname, name);
  const cachePath = `${filename}.cache`;
  const cachedData = readIfThere(cachePath);
  // ASCII, so that V8 keeps one byte a character.
  const script = new Script(Module.wrap(readFileSync(filename, 'latin1')), {
    filename,
    cachedData,
  });
  if (process.env.WEIR_WRITE_CODE_CACHE === '1') writeWhenTold(script, cachePath);
  placeStacks(filename);
  const module = { exports: {} };
  script
    .runInThisContext()
    .call(module.exports, module.exports, require, module, filename, __dirname);
};

/**
 * V8 drops the code of functions that some collections of garbage saw not running, and pushes make many of those between
 * two looks at a dashboard, whose queries would be compiled anew each time. Before anything is compiled: caches of
 * compiled code hold for one set of flags.
 */
function keepCode() {
  setFlagsFromString('--no-flush-bytecode');
}

/**
 * The first ArrayBuffer that a thread sends to another makes V8 drop all optimised code that touches typed arrays, in the
 * midst of a first query: here there is none yet, and what is compiled later expects it.
 */
function settle() {
  const sent = new ArrayBuffer(1);
  structuredClone(sent, { transfer: [sent] });
}

function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The map is read when the first stack is looked at. */
function placeStacks(filename) {
  let map;
  const place = (frame) => {
    if (frame.getFileName() !== filename) return `${frame}`;
    map ??= new Module.SourceMap(JSON.parse(readIfThere(`${filename}.map`) ?? '{"mappings":""}'));
    const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
    const { originalSource, originalLine, originalColumn } = map.findEntry(line - 1, column - 1);
    if (originalSource === undefined) return `${frame}`;
    const source = resolve(dirname(filename), originalSource);
    return `${frame}`.replace(
      `${filename}:${line}:${column}`,
      `${source}:${originalLine + 1}:${originalColumn + 1}`,
    );
  };
  Error.prepareStackTrace = (error, frames) =>
    [Error.prototype.toString.call(error), ...frames.map(place)].join('\n    at ');
}

/** On SIGUSR2 every thread writes what it has compiled until then: more than what a start compiles. */
function writeWhenTold(script, path) {
  const channel = new BroadcastChannel('weir-code-cache');
  const write = () => {
    const data = script.createCachedData();
    // Threads of one kind write one file: the one that has seen most stays.
    if (data.length <= (readIfThere(path)?.length ?? 0)) return;
    const written = `${path}.${threadId}`;
    writeFileSync(written, data);
    renameSync(written, path);
  };
  if (isMainThread) {
    process.on('SIGUSR2', () => {
      channel.postMessage('write');
      write();
    });
  } else channel.onmessage = write;
  channel.unref();
}

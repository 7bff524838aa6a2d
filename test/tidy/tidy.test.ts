// The architecture as tests: each rule is run over the tree as it is on disk. canary.test.ts proves
// that each of them can complain.
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkMutant, describeMutant, mutantFiles } from '../simulation/mutants.mjs';
import * as documents from './document-rules.ts';
import * as imports from './import-rules.ts';
import * as text from './text-rules.ts';
import { readTree, type Tree } from './tree.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tree = readTree(root);

function check(name: string, rule: (tree: Tree) => string[]): void {
  it(name, () => expect(rule(tree)).toEqual([]));
}

describe('imports', () => {
  check('point down the layers', imports.layerViolations);
  check('form no cycle, types included', imports.cycleViolations);
  check('are declared in package.json', imports.undeclaredViolations);
  check('use every declared dependency', imports.unusedViolations);
  check('do not reach into another package by a relative path', imports.reachViolations);
  check('enter other packages through their doors', imports.doorViolations);
  check('do not go through the own door', imports.ownDoorViolations);
  check('keep each outside package in its folder', imports.outsidePackageViolations);
  check('bring no I/O into the pure layers', imports.pureLayerViolations);
  check('reach every file', imports.deadFileViolations);
  check('leave fixtures to tests', imports.fixtureViolations);
  check('agree on one exact version of each outside package', imports.versionViolations);
});

describe('files', () => {
  check('open with a comment', text.headCommentViolations);
  check('are short', text.lengthViolations);
  check('write to no console', text.consoleViolations);
  check('take clock, timers and randomness from their port', text.ambientViolations);
  check('leave the process to apps/weir', text.processViolations);
  check('export by name', text.starExportViolations);
  check('hold no leftovers', text.leftoverViolations);
  check('are named by their topic', text.nameViolations);
});

describe('documents', () => {
  check('list the packages on disk', documents.codeMapViolations);
  check('give flags that exist', documents.documentedFlagViolations);
  check('describe every flag of the ingester', documents.undescribedFlagViolations);
  check('set keys that exist', documents.documentedKeyViolations);
  check('may speak of a flag as one thing', documents.repeatedFlagViolations);
});

describe('mutants of the simulation', () => {
  it('are ten at least', () => expect(mutantFiles(root).length).toBeGreaterThanOrEqual(10));

  for (const file of mutantFiles(root)) {
    it(`${basename(file)} says what it breaks, and applies`, () => {
      expect(describeMutant(file)).toMatch(/invariant/i);
      checkMutant(root, file);
    });
  }
});

// Errors by what the caller does next, and assertions.
export { AssertionError, assert, unreachable } from './assert.ts';
export {
  type ErrorKind,
  isKind,
  toWeirError,
  WeirError,
  type WeirErrorOptions,
} from './weir-error.ts';

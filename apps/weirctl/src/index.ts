// The operator's tool, as a function of its arguments; apps/weir has the program.
export { runWeirctl, type WeirctlParts } from './weirctl.ts';

// Warnings and infos of range-vector functions about the series in hand.
import { labelValue } from '@weir/model';
import type { WindowNotes } from '../functions/window-notes.ts';
import type { Span } from '../parse/ast.ts';
import * as texts from './annotation-texts.ts';
import type { Context } from './context.ts';
import type { Row } from './rows.ts';

/** `row` tells the metric's name at the time of the note. */
export function windowNotes(context: Context, span: Span, row: Row): WindowNotes {
  const { annotations } = context;
  const name = () => labelValue(row.labels, '__name__') ?? '';
  const warn = (text: string) => annotations.warn(text, span);
  const info = (text: string) => annotations.info(text, span);
  return {
    mixedSamples: () => warn(texts.mixedSamples(name())),
    mixedSchemas: () => warn(texts.mixedSchemas(name())),
    ignored: () => info(texts.ignoredInRange(name())),
    notACounter: () => warn(texts.notACounter(name())),
    notAGauge: () => warn(texts.notAGauge(name())),
    reconciled: (operation) => info(texts.reconciledBounds(operation)),
    overlap: () => annotations.warnCounting(texts.startOverlap(name()), span),
    conflictingResets: () => warn(texts.conflictingResets('aggregation')),
  };
}

// Durations as callers write them: answers carry a number; documents and older clients a text of digits.
import { z } from 'zod';

const tenYears = 315_360_000;
const digits = /^\d{1,10}$/;

export function seconds(least: number) {
  return z
    .preprocess(
      (value) => (typeof value === 'string' && digits.test(value) ? Number(value) : value),
      z.int().min(least).max(tenYears),
    )
    .meta({ description: 'Seconds; a text of digits does as well.', alsoText: digits.source });
}

import { expect, test } from 'vitest';
import { codeRangeKb, writableCodeKb } from './code-range.ts';

test('only private mappings that are writable and executable are the code range', () => {
  const maps = [
    '55d000000000-55d000001000 r-xp 00000000 08:01 11 /usr/bin/node',
    '7f0000000000-7f0020000000 rwxp 00000000 00:00 0 ',
    '7f0020000000-7f0028000000 ---p 00000000 00:00 0 ',
    '7f0028000000-7f0028004000 rwxp 00000000 00:00 0 ',
    '7f0030000000-7f0030800000 rw-p 00000000 00:00 0 [heap]',
    '7f0031000000-7f0031800000 rwxs 00000000 00:00 0 ',
    '',
  ];
  expect(writableCodeKb(maps.join('\n'))).toBe(524_288 + 16);
  expect(writableCodeKb('')).toBe(0);
  expect(codeRangeKb()).toBeGreaterThanOrEqual(0);
});

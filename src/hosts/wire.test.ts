import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFrameReader, defaultWireLimits, encodeFrame, WireError } from './wire.ts';

function roundTrip(value: unknown): unknown {
  const frames: unknown[] = [];
  createFrameReader((frame) => frames.push(frame))(encodeFrame({ value }));
  const [frame] = frames;
  return (frame as { value: unknown }).value;
}

test('bytes, long text, dates, undefined, bigints and odd numbers survive', () => {
  const value = {
    bytes: Buffer.from([0, 255, 1]),
    text: 'ä'.repeat(100_000),
    at: new Date('2024-02-29T12:00:00.123Z'),
    nothing: undefined,
    none: null,
    list: [undefined, -0, Number.NaN, Number.POSITIVE_INFINITY, 12345678901234567890n],
    '\0': ['b', 0, 99],
    nested: { '\0': 'a key of the wire itself' },
  };
  const back = roundTrip(value);
  expect(back).toStrictEqual(value);
});

test('any value of JSON survives, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 4 }),
      fc.integer({ min: 1, max: 40 }),
      (values, size) => {
        const stream = Buffer.concat(values.map((value) => encodeFrame({ value })));
        const seen: unknown[] = [];
        const read = createFrameReader((frame) => seen.push(frame));
        for (let at = 0; at < stream.length; at += size) read(stream.subarray(at, at + size));
        expect(JSON.stringify(seen)).toBe(JSON.stringify(values.map((value) => ({ value }))));
      },
    ),
    { numRuns: 200 },
  );
});

test('functions vanish, toJSON is asked, a loop is refused with words', () => {
  expect(roundTrip({ f: () => 1, url: new URL('https://example.com/') })).toEqual({
    url: 'https://example.com/',
  });
  const loop: { self?: unknown } = {};
  loop.self = loop;
  expect(() => encodeFrame(loop)).toThrow('refers to itself');
});

test('a value over the limit is refused by the writer and by the reader', () => {
  const small = { maxFrameBytes: 1000, maxJsonBytes: 1000, maxValues: 1000 };
  expect(() => encodeFrame(Buffer.alloc(2000), small)).toThrow(WireError);
  const read = createFrameReader(() => {}, small);
  expect(() => read(encodeFrame(Buffer.alloc(2000)))).toThrow('size limit');
});

test('more values than anybody may wait for are refused by the writer, and by the reader before it parses them', () => {
  const few = { ...defaultWireLimits, maxValues: 100 };
  const values = Array.from({ length: 101 }, (_, at) => ({
    [`name ${at}, [{"`]: 'text, with [all] {sorts} of "quotes" \\',
  }));
  expect(() => encodeFrame(values, few)).toThrow('more than 100 values');
  const seen: unknown[] = [];
  const read = createFrameReader((frame) => seen.push(frame), few);
  const justFew = values.slice(0, 49);
  read(encodeFrame(justFew, few));
  expect(seen).toEqual([justFew]);
  expect(() => read(encodeFrame(values))).toThrow('too many values');
});

test('bytes that two tags refer to are refused: a small frame cannot ask for much memory', () => {
  const json = Buffer.from(JSON.stringify([{ '\0': ['s', 0, 3] }, { '\0': ['b', 2, 2] }]));
  const header = Buffer.alloc(8);
  header.writeUInt32BE(json.length + 4, 0);
  header.writeUInt32BE(json.length, 4);
  expect(() => createFrameReader(() => {})(Buffer.concat([header, json, Buffer.from('abcd')]))).toThrow(
    'more than once',
  );
});

test('forged frames are refused and never reach a prototype', () => {
  const forged = (json: string): Buffer => {
    const body = Buffer.from(json);
    const header = Buffer.alloc(8);
    header.writeUInt32BE(body.length, 0);
    header.writeUInt32BE(body.length, 4);
    return Buffer.concat([header, body]);
  };
  const read = (json: string): unknown => {
    let seen: unknown;
    createFrameReader((frame) => {
      seen = frame;
    })(forged(json));
    return seen;
  };
  expect(() => read('{"\\u0000":["b",0,4000000000]}')).toThrow(WireError);
  expect(() => read('{"\\u0000":["b",-1,1]}')).toThrow(WireError);
  expect(() => read('{"\\u0000":["x"]}')).toThrow(WireError);
  expect(() => read('{broken')).toThrow(WireError);
  expect(() => read('['.repeat(100_000) + ']'.repeat(100_000))).toThrow(WireError);
  const polluted = read('{"__proto__":{"admin":true}}') as { admin?: boolean };
  expect(polluted.admin).toBeUndefined();
  expect(Object.getPrototypeOf(polluted)).toBe(Object.prototype);
  const entries = read('{"\\u0000":["o",[["__proto__",{"admin":true}]]]}') as { admin?: boolean };
  expect(entries.admin).toBeUndefined();
});

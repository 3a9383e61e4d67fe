import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Plain } from './plain.ts';

test('a plaintext is never shown by printing, joining, serialising, cloning or inspecting it', () => {
  const secret = 'xoxb-very-secret';
  const plain = Plain.fromText(secret);
  const shown = [
    String(plain),
    `${plain}`,
    JSON.stringify({ plain }),
    inspect({ plain }, { showHidden: true, depth: 5 }),
    JSON.stringify(structuredClone({ ...plain })),
    Object.keys(plain).join(),
    [plain].join(),
  ].join('\n');
  expect(shown).not.toContain(secret);
  expect(plain.revealText()).toBe(secret);
});

test('a wiped plaintext holds zeros', () => {
  const plain = Plain.fromText('abc');
  plain.wipe();
  expect(plain.revealBytes().equals(Buffer.alloc(3))).toBe(true);
});

test('a plaintext is the same whether it came as text or as bytes, and whichever is asked for first', () => {
  const text = 'schlüssel';
  for (const make of [() => Plain.fromText(text), () => Plain.fromBytes(Buffer.from(text))]) {
    expect(make().revealText()).toBe(text);
    expect(make().revealBytes().equals(Buffer.from(text))).toBe(true);
    const plain = make();
    expect(plain.byteLength).toBe(10);
    expect(plain.revealText()).toBe(text);
    plain.wipe();
    expect(plain.revealText()).toBe('\0'.repeat(10));
  }
});

import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KeptRefresh } from '../credentials/kept-refresh.ts';
import { type CredentialId, newId, type TenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { sealedFromColumn } from '../vault/sealed.ts';
import { type AnswerJournal, createAnswerJournal } from './answer-journal.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'answers-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await rm(folder, { recursive: true, force: true });
});

const answer = (tokenNo = 1): KeptRefresh => ({
  tenantId: newId<TenantId>(),
  credentialId: newId<CredentialId>(),
  consentNo: 1,
  tokenNo,
  attemptId: newId<never>() as string,
  ct: sealedFromColumn(Buffer.from([0, 1, 254, 255])),
  state: 'active',
  issuedAt: new Date('2026-11-28T04:00:00.123Z'),
  expiresAt: new Date('2026-11-28T05:00:00.123Z'),
  refreshExpiresAt: null,
  expiryAssumed: false,
  refreshDueAt: new Date('2026-11-28T04:45:00.123Z'),
  grantedScope: 'files — é',
  minted: { registrationId: null, mintedBy: null, mintedByTenantId: null, accountRef: Buffer.from([1, 2]) },
});

const opened: AnswerJournal[] = [];
const journal = (processId = newId<never>() as string, isAlive = false) => {
  const made = createAnswerJournal({ folder, processId, log: silentLog, isAlive: async () => isAlive });
  opened.push(made);
  return made;
};

async function replayed(from = journal()): Promise<readonly KeptRefresh[]> {
  const taken: KeptRefresh[] = [];
  await from.replay(async (kept) => taken.push(kept) > 0);
  return taken;
}

test('what a killed process had not settled comes back whole, once, and the rest does not', async () => {
  const killed = journal();
  const answers = Array.from({ length: 20 }, (_, index) => answer(index));
  const entries = await Promise.all(answers.map((kept) => killed.keep(kept)));
  for (const entry of entries.slice(0, 15)) killed.settle(entry);
  // What is settled is told with the next answer.
  const last = answer();
  await killed.keep(last);
  const next = journal();
  expect(await replayed(next)).toEqual([...answers.slice(15), last]);
  expect(await replayed(next)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

test('it is on the disk, private, before anybody hears that it is kept', async () => {
  await journal().keep(answer());
  const [name = ''] = await readdir(folder);
  expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, name), 'utf8')).toContain('AAH+/w==');
});

test('a line that a crash cut off, and one of nonsense, take no other along', async () => {
  const first = answer();
  await journal().keep(first);
  const [name = ''] = await readdir(folder);
  await appendFile(join(folder, name), 'nonsense\n{"id":"x","kept":"{\\"tenantId\\":');
  expect(await replayed()).toEqual([first]);
});

test('what is kept after a full disk cut a line off is whole', async () => {
  const [first, second] = [answer(), answer()];
  const full = journal();
  await full.keep(first);
  const [name = ''] = await readdir(folder);
  await appendFile(join(folder, name), '{"id":"cut off by a full disk","kept":"');
  await full.keep(second);
  expect(await replayed()).toEqual([first, second]);
});

test('the file stays small however much goes through it, and keeps what is open', async () => {
  const busy = journal();
  const first = answer();
  await busy.keep(first);
  const large = { ...answer(), ct: sealedFromColumn(Buffer.alloc(400_000, 7)) };
  for (let turn = 0; turn < 30; turn += 1) busy.settle(await busy.keep(large));
  const [name = ''] = await readdir(folder);
  expect((await stat(join(folder, name))).size).toBeLessThan(6_000_000);
  await busy.keep(answer());
  expect((await replayed()).map(({ credentialId }) => credentialId)).toContain(first.credentialId);
});

test('a process that may still be at work keeps its file', async () => {
  await journal().keep(answer());
  expect(await replayed(journal(undefined, true))).toEqual([]);
  expect((await readdir(folder)).length).toBe(1);
});

test('when taking fails the file stays for the next start', async () => {
  const kept = answer();
  await journal().keep(kept);
  const failing = journal().replay(async () => {
    throw new Error('the database is away');
  });
  await expect(failing).rejects.toThrow('away');
  expect(await replayed()).toEqual([kept]);
});

test('an answer that cannot be taken yet keeps its file, and is offered again with the others', async () => {
  const [first, second] = [answer(), answer()];
  const killed = journal();
  await killed.keep(first);
  await killed.keep(second);
  expect(await journal().replay(async (kept) => kept.credentialId === first.credentialId)).toBe(0);
  expect(await replayed()).toEqual([first, second]);
});

test('whoever was held for dead by mistake goes on in a new file', async () => {
  const alive = journal();
  await alive.keep(answer());
  expect((await replayed()).length).toBe(1);
  const later = answer();
  await alive.keep(later);
  expect(await replayed()).toEqual([later]);
});

test('a process that has settled everything leaves no file; one that has not leaves it', async () => {
  const tidy = journal();
  tidy.settle(await tidy.keep(answer()));
  await tidy.close();
  expect(await readdir(folder)).toEqual([]);
  const untidy = journal();
  await untidy.keep(answer());
  await untidy.close();
  expect((await readdir(folder)).length).toBe(1);
});

test('without a disk the answer goes on, and the operator reads why', async () => {
  const lines: string[] = [];
  await writeFile(join(folder, 'a file'), '');
  const log = { ...silentLog, error: (line: string) => void lines.push(line) };
  const nowhere = createAnswerJournal({
    folder: join(folder, 'a file', 'answers'),
    processId: newId<never>() as string,
    log,
    isAlive: async () => false,
  });
  expect(await nowhere.keep(answer())).toEqual({ id: expect.any(String) });
  expect(lines).toEqual(['an answer could not be written to the journal']);
});

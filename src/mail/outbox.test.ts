import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { createMailer } from './create-mailer.ts';
import { type NotificationMail, notificationMessage } from './notification-message.ts';

let dataDirectory = '';
beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'latchkey-mail-'));
});
afterEach(async () => {
  await rm(dataDirectory, { recursive: true, force: true });
});

const clock = { now: () => new Date('2026-11-20T19:00:00.123Z'), monotonicMs: () => 0 };
const mailer = (directory = dataDirectory) =>
  createMailer({ smtpUrl: null, from: null, dataDirectory: directory, clock });

const base: NotificationMail = {
  to: 'jo@hooli.example',
  organizationName: 'Acme',
  customerName: 'Hooli',
  credentialLabel: 'Hooli Dropbox',
  serviceName: 'Dropbox',
  link: new URL('http://127.0.0.1:4000/credentials/1'),
  publicUrl: new URL('http://127.0.0.1:4000'),
  event: { kind: 'connected', byName: 'Jo', accountName: 'jo@dropbox.example' },
};

test('without SMTP settings a mail is one file that only the owner may read', async () => {
  await mailer().send(notificationMessage(base));
  const outbox = join(dataDirectory, 'outbox');
  const names = await readdir(outbox);
  expect(names).toHaveLength(1);
  expect(names[0]).toMatch(/^2026-11-20T19-00-00-123Z-[0-9a-f-]{36}\.eml$/);
  const file = join(outbox, names[0] ?? '');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(outbox)).mode & 0o777).toBe(0o700);
  const eml = await readFile(file, 'latin1');
  expect(eml).toContain('To: jo@hooli.example\r\n');
  expect(eml).toContain('Date: Fri, 20 Nov 2026 19:00:00 +0000\r\n');
  expect(eml.replaceAll('=\r\n', '')).toContain('http://127.0.0.1:4000/credentials/1');
});

test('many mails at once are as many whole files, and nothing unfinished stays', async () => {
  const door = mailer();
  await Promise.all(Array.from({ length: 40 }, () => door.send(notificationMessage(base))));
  const names = await readdir(join(dataDirectory, 'outbox'));
  expect(names.filter((name) => name.endsWith('.eml'))).toHaveLength(40);
  expect(names).toHaveLength(40);
});

test('an outbox that cannot be written is a transient fault that does not show the path', async () => {
  // A file in the place of the directory fails for root as well, where permissions would not.
  await writeFile(join(dataDirectory, 'outbox'), '');
  const failure = await mailer()
    .send(notificationMessage(base))
    .then(
      () => null,
      (error: unknown) => error,
    );
  expect(isFault(failure, 'unavailable')).toBe(true);
  expect(isFault(failure) && failure.public).not.toContain(dataDirectory);
});

test.each([
  [{ kind: 'connected', byName: 'Jo', accountName: null }, '“Hooli Dropbox” is connected'],
  [{ kind: 'needs_reauth' }, '“Hooli Dropbox” must be connected again'],
  [{ kind: 'disconnected', byName: 'Jo' }, '“Hooli Dropbox” is disconnected'],
] as const)('each event has its own words: %o', (event, subject) => {
  const message = notificationMessage({ ...base, event });
  expect(message.subject).toBe(subject);
  expect(message.text).toContain('“Hooli”');
});

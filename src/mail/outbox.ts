// Mail without an SMTP server: one .eml file per mail, readable by any mail program. The files hold invitation links,
// so only the owner of the process may read them.
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { lazy } from '../kernel/lazy.ts';
import { mailFields, parseSender } from './mail-fields.ts';
import type { Mailer } from './mailer.ts';

const nobody = 'no-reply@latchkey.invalid';

export function outboxMailer(settings: {
  readonly from: string | null;
  readonly dataDirectory: string;
  readonly clock: Clock;
}): Mailer {
  const sender = parseSender(settings.from ?? nobody);
  const directory = join(settings.dataDirectory, 'outbox');
  // Loaded with the first mail: a server that sends none does not pay for it.
  const load = lazy(async () => {
    const { createTransport } = await import('nodemailer');
    return createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  });
  return {
    send: async (message) => {
      const now = settings.clock.now();
      const composer = await load();
      const composed = await composer.sendMail(mailFields(message, sender, now));
      if (!Buffer.isBuffer(composed.message)) throw new Fault('internal', 'The mail could not be composed.');
      const name = `${now.toISOString().replace(/[:.]/g, '-')}-${randomUUID()}.eml`;
      await writeWhole(directory, name, composed.message);
    },
  };
}

/** A reader of the directory sees the whole file under its name or no such name, also after a power cut. */
async function writeWhole(directory: string, name: string, bytes: Buffer): Promise<void> {
  const unfinished = join(directory, `.${name}.unfinished`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, join(directory, name));
    const folder = await open(directory, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (cause) {
    await unlink(unfinished).catch(() => {});
    throw new Fault('unavailable', 'The mail could not be written.', {
      detail: 'The outbox in the data directory is not writable or the disk is full.',
      cause,
    });
  }
}

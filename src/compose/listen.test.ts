import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { choosePort } from './listen.ts';

test('an address that this machine has not is named as that, not as a port in use', async () => {
  // TEST-NET-1: nobody has it.
  await expect(choosePort('192.0.2.1', 0)).rejects.toMatchObject({
    code: 'cannot_start',
    message: 'This machine has no address 192.0.2.1 (EADDRNOTAVAIL).',
    cure: expect.stringContaining('HOST'),
  });
});

test('a port in use is named as that', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(choosePort('127.0.0.1', port)).rejects.toMatchObject({
    message: `Port ${port} on 127.0.0.1 is in use (EADDRINUSE).`,
    cure: expect.stringContaining('PORT'),
  });
  await new Promise((resolve) => other.close(resolve));
});

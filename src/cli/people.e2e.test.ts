// The operator's way to people, as it is typed: who is there, and a way back in for one of them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCookieJar } from '../../providers/walk-consent.ts';
import { runCli } from '../../testing/run-cli.ts';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';
import { setUpOwner } from '../../testing/set-up-owner.ts';

let data: string;
let url: string;
let server: ServerProcess;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'latchkey-people-'));
  server = startServerProcess({ data, env: { LOG_LEVEL: 'debug' } });
  url = await server.ready;
});
afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.exited;
  await rm(data, { recursive: true, force: true });
});

const latchkey = (...args: string[]) => runCli(data, args);

test('the people are listed with their organizations', async () => {
  await expect.poll(() => server.output()).toMatch(/setup\?token=\S{43,}/);
  await setUpOwner(url, /(http:\S+\/setup\?token=\S+)/.exec(server.output())?.[1] ?? '');
  const { code, stdout } = await latchkey('people', 'list');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    people: [
      {
        email: 'ada@acme.example',
        name: 'Ada',
        organizations: [{ id: expect.any(String), name: 'Acme', isDisabled: false }],
        isDisabled: false,
      },
    ],
  });
});

test('a link that the operator made lets the person in again, and stands in no log', async () => {
  const { code, stdout } = await latchkey('people', 'reset-password', 'ada@acme.example');
  expect(code).toBe(0);
  const { link, expiresAt } = JSON.parse(stdout);
  expect(link.startsWith(`${url}/reset-password?token=`)).toBe(true);
  expect(Number.isNaN(Date.parse(expiresAt))).toBe(false);
  const token = new URL(link).searchParams.get('token') ?? '';
  const jar = createCookieJar();
  const form = await (await jar.fetch(link)).text();
  const hidden = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
  const fields = new URLSearchParams([
    ...hidden.map(([, name = '', value = '']) => [name, value] as [string, string]),
    ['newPassword', 'three quiet green owls'],
  ]);
  const init = { method: 'POST', body: fields, headers: { origin: url } };
  expect((await jar.fetch(`${url}/reset-password`, init)).status).toBe(303);
  expect((await jar.fetch(`${url}/reset-password`, init)).status).toBe(410);
  const signIn = await fetch(`${url}/sign-in`, {
    method: 'POST',
    body: JSON.stringify({ email: 'ada@acme.example', password: 'three quiet green owls' }),
    headers: { 'content-type': 'application/json' },
  });
  expect(signIn.status).toBe(200);
  expect(server.output()).not.toContain(token);
});

test('an e-mail that nobody has is answered with one line that says what to do', async () => {
  expect(await latchkey('people', 'reset-password', 'eve@acme.example')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'latchkey: No person has this e-mail. See "latchkey people list" for those who are there.\n',
  });
});

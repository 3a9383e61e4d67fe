import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../testing/run-cli.ts';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';
import { setUpOwner } from '../../testing/set-up-owner.ts';
import { operatorSocket } from '../faces/operator/operator-socket.ts';

const token = 'the-token-of-the-scraper';
let data: string;
let url: string;
let server: ServerProcess;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'latchkey-why-'));
  server = startServerProcess({ data, env: { LATCHKEY_METRICS_TOKEN: token } });
  url = await server.ready;
});
afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.exited;
  await rm(data, { recursive: true, force: true });
});

const latchkey = (...args: string[]) => runCli(data, args);

function scrapeOverSocket(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: operatorSocket(data).path, path: '/metrics' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('a running server scrapes the same on its socket and, with the token, on its port', async () => {
  const stranger = await fetch(`${url}/metrics`);
  expect(stranger.status).toBe(401);
  const scraped = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(scraped.status).toBe(200);
  const types = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]).sort();
  const names = types(await scraped.text());
  expect(types(await scrapeOverSocket())).toEqual(names);
  const used = ['prometheus-rules.yml', 'grafana-dashboard.json']
    .map((file) => readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8'))
    .flatMap((text) => text.match(/\b(?:latchkey|nodejs|process)_[a-z0-9_]+/g) ?? []);
  const missing = used.filter((name) => !names.includes(name.replace(/_(bucket|count|sum)$/, '')));
  expect(missing).toEqual([]);
});

test('the command and the API tell the same of a credential, by its GraphQL id, by label and by ours', async () => {
  await expect.poll(() => server.output()).toMatch(/setup\?token=\S{43,}/);
  const setupUrl = /(http:\S+\/setup\?token=\S+)/.exec(server.output())?.[1] ?? '';
  const { apiToken } = await setUpOwner(url, setupUrl);
  const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' };
  const ask = async (query: string, variables: object = {}) => {
    const answer = await fetch(`${url}/api`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers of every shape
    return ((await answer.json()) as any).data;
  };
  const { nodes } = (await ask('{ authorizationMethods { nodes { id key } } }')).authorizationMethods;
  const values = {
    client_id: 'app',
    client_secret: 'never-shown',
    scopes: '',
    auth_uri: 'https://p.example/a',
    token_uri: 'https://p.example/t',
  };
  const made = await ask(
    `mutation($method: ID!, $values: [InputCredentialFieldValue]) { createOrganizationCredential(input: {
      label: "Files of Ada", authorizationMethod: $method, values: $values}) { credential { id } errors { messages } } }`,
    {
      method: nodes.find((node: { key: string }) => node.key === 'oauth2').id,
      values: Object.entries(values).map(([key, value]) => ({ key, value })),
    },
  );
  const { id } = made.createOrganizationCredential.credential;
  const { stdout } = await latchkey('why', id);
  expect(stdout).toMatch(/^state +never_connected: Nobody has connected an account yet\.$/m);
  expect(stdout).toMatch(/^provider +p\.example$/m);
  expect(stdout).toContain('The credential was made.');
  expect(stdout).toContain('What to do: Connect an account.');
  expect(stdout).not.toContain('never-shown');
  const told = JSON.parse((await latchkey('why', id, '--json')).stdout);
  const { id: ours, tenantId } = told.credential;
  const byLabel = await latchkey('why', 'Files of Ada', '--tenant', tenantId, '--json');
  const byApi = await (await fetch(`${url}/credentials/${ours}/why`, { headers })).json();
  for (const other of [JSON.parse(byLabel.stdout), byApi]) expect({ ...other, now: told.now }).toEqual(told);
});

test('latchkey why answers a mistake with one line that says what to do', async () => {
  const unknown = await latchkey('why', '5a0f7c1e-0000-4000-8000-00000000dead');
  expect(unknown).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'latchkey: Credential not found. Check the id and that you have access to it.\n',
  });
  const label = await latchkey('why', 'Files of Ada');
  expect(label).toMatchObject({ code: 1, stderr: expect.stringContaining('--tenant') });
});

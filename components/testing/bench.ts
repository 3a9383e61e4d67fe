// Where the tests of the components work: each runs its real bundle in a real host process against a stand-in of its
// service on loopback, as it would run in production.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createHostPool } from '../../src/hosts/pool.ts';
import type { PerformOutcome } from '../../src/hosts/spectral-host.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { bundleComponent } from '../bundle.mjs';

export type Request = {
  readonly method: string;
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
};
export type Answer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer | object;
};
export type StandIn = { readonly url: string; readonly requests: Request[] };

type Run = (
  action: string,
  params: Readonly<Record<string, unknown>>,
  context?: Readonly<Record<string, unknown>>,
) => Promise<PerformOutcome>;

/** Bundles the component once for the file of tests that calls this. */
export function setUpBench(component: string): {
  readonly run: Run;
  readonly standIn: (answer: (request: Request) => Answer) => Promise<StandIn>;
} {
  const folder = mkdtempSync(join(tmpdir(), 'component-'));
  const bundle = bundleComponent(component, folder);
  const servers: http.Server[] = [];
  const pool = createHostPool({
    log: silentLog,
    dial: (host, port) =>
      new Promise((resolve, reject) => {
        const socket = net.connect(port, host, () => resolve(socket));
        socket.on('error', reject);
      }),
  });
  afterAll(async () => {
    await pool.close();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    run: async (actionKey, params, context = {}) =>
      pool.perform({
        tenant: 'tenant',
        bundlePath: (await bundle).path,
        actionKey,
        context,
        params,
        timeoutMs: 30_000,
        onLog: () => {},
      }),
    standIn: async (answer) => {
      const requests: Request[] = [];
      const server = http.createServer((incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const request = {
            method: incoming.method ?? '',
            url: new URL(incoming.url ?? '/', 'http://stand-in'),
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          };
          requests.push(request);
          send(response, answer(request));
        });
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { url: `http://localhost:${(server.address() as net.AddressInfo).port}`, requests };
    },
  };
}

function send(response: http.ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  response.writeHead(status, { ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers });
  response.end(isRaw ? body : JSON.stringify(body));
}

export function dataOf(outcome: PerformOutcome): unknown {
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
  return outcome.result.data;
}

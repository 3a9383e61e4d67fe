// A service on loopback that steps call in tests: it takes living tokens and one API key, keeps what it was shown, and
// holds back answers at its gate until a test lets them go.
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type TrialService = {
  readonly url: string;
  /** Authorization headers in the order of arrival. */
  readonly shown: readonly (string | undefined)[];
  /** Calls that wait at `/gate`, now and at most. */
  readonly waiting: () => number;
  readonly most: () => number;
  /** Resolves when so many wait. */
  readonly whenWaiting: (count: number) => Promise<void>;
  readonly whenNobodyWaits: () => Promise<void>;
  /** Answers everybody who waits, and from now on at once. */
  readonly open: () => void;
  readonly shut: () => void;
  readonly releaseOne: () => void;
  readonly refuseAll: (isRefusing: boolean) => void;
  readonly close: () => Promise<void>;
};

export async function startTrialService(
  isLive: (token: string) => boolean | Promise<boolean>,
): Promise<TrialService> {
  const shown: (string | undefined)[] = [];
  const held: http.ServerResponse[] = [];
  const watchers = new Set<() => void>();
  let isShut = true;
  let isRefusing = false;
  let most = 0;
  const answer = (response: http.ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const when = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const watch = (): void => {
        if (!isSo()) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
    });
  const server = http.createServer((request, response) => {
    if (request.url?.startsWith('/gate') === true) {
      if (!isShut) return answer(response, 200, { gate: 'open' });
      held.push(response);
      most = Math.max(most, held.length);
      response.on('close', () => {
        const at = held.indexOf(response);
        if (at >= 0) held.splice(at, 1);
        for (const watch of watchers) watch();
      });
      for (const watch of watchers) watch();
      return;
    }
    const header = request.headers.authorization;
    shown.push(header);
    const token = header?.replace(/^Bearer /, '') ?? '';
    void Promise.resolve(isLive(token)).then((live) =>
      live && !isRefusing ? answer(response, 200, { ok: true }) : answer(response, 401, { error: 'no' }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    shown,
    waiting: () => held.length,
    most: () => most,
    whenWaiting: (count) => when(() => held.length >= count),
    whenNobodyWaits: () => when(() => held.length === 0),
    open: () => {
      isShut = false;
      for (const response of held.splice(0)) answer(response, 200, { gate: 'open' });
    },
    shut: () => {
      isShut = true;
      most = 0;
    },
    releaseOne: () => {
      const response = held.shift();
      if (response !== undefined) answer(response, 200, { gate: 'open' });
    },
    refuseAll: (refusing) => {
      isRefusing = refusing;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

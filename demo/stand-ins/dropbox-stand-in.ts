// The Dropbox stand-in: the few routes of Dropbox API v2 that the demo uses, with the checks and refusals that Dropbox
// documents (https://www.dropbox.com/developers/documentation/http/documentation). Two hosts, as Dropbox has two.
import type { Clock } from '../../src/kernel/clock.ts';
import { type DropboxFile, type DropboxTree, dropboxTree } from './dropbox-tree.ts';
import { createLedger, fingerprint, type Ledger } from './ledger.ts';
import { header, type LoopbackAnswer, type LoopbackRequest, startLoopbackServer } from './loopback-server.ts';

export type DropboxStandInOptions = {
  readonly clock: Clock;
  readonly isLiveAccessToken: (token: string) => boolean | Promise<boolean>;
  readonly files: readonly DropboxFile[];
  readonly account: { readonly accountId: string; readonly email: string; readonly displayName: string };
};

export type DropboxStandIn = {
  /** Stands for https://api.dropboxapi.com. */
  readonly apiUrl: string;
  /** Stands for https://content.dropboxapi.com. */
  readonly contentUrl: string;
  readonly ledger: Ledger;
  readonly close: () => Promise<void>;
};

type Route = (request: LoopbackRequest, route: string) => LoopbackAnswer;

export async function startDropboxStandIn(options: DropboxStandInOptions): Promise<DropboxStandIn> {
  const ledger = createLedger(options.clock);
  const tree = dropboxTree(options.files);
  const guard = tokenGuard(options.isLiveAccessToken);
  const start = (name: string, routes: Readonly<Record<string, Route>>) =>
    startLoopbackServer({
      name: `Latchkey Dropbox stand-in (${name})`,
      maxBodyBytes: 1024 * 1024,
      handle: async (request) => {
        const token = bearerToken(request);
        const reply = await answer(request, routes, guard);
        ledger.record({
          operation: request.method,
          path: request.path,
          fingerprint: token === null ? null : fingerprint(token),
          status: reply.status,
          refusal: refusalOf(reply),
        });
        return reply;
      },
    });
  const api = await start('api host', {
    '/2/files/list_folder': (request, route) => listFolder(request, route, tree),
    '/2/files/list_folder/continue': (request, route) => listFolderContinue(request, route, tree),
    '/2/users/get_current_account': (request, route) => currentAccount(request, route, options.account),
  });
  const content = await start('content host', {
    '/2/files/download': (request, route) => download(request, route, tree),
  });
  return {
    apiUrl: api.url,
    contentUrl: content.url,
    ledger,
    close: async () => {
      await Promise.all([api.close(), content.close()]);
    },
  };
}

async function answer(
  request: LoopbackRequest,
  routes: Readonly<Record<string, Route>>,
  guard: (token: string) => Promise<LoopbackAnswer | null>,
): Promise<LoopbackAnswer> {
  const route = Object.hasOwn(routes, request.path) ? routes[request.path] : undefined;
  if (route === undefined || request.method !== 'POST')
    return plain(404, 'Unknown API function for this host.');
  const name = request.path.slice('/2/'.length);
  if (header(request, 'authorization') === null) {
    return badCall(name, 'Must provide HTTP header "Authorization" or URL parameter "authorization".');
  }
  const token = bearerToken(request);
  // Dropbox repeats the header here; a stand-in has no reason to send anybody's token back.
  if (token === null) return badCall(name, 'Invalid authorization value in HTTP header "Authorization".');
  return (await guard(token)) ?? route(request, name);
}

/** Dropbox tells a token that has ended from one it never knew; so does this, by having seen it alive. */
function tokenGuard(isLive: DropboxStandInOptions['isLiveAccessToken']) {
  const seenAlive = new Set<string>();
  return async (token: string): Promise<LoopbackAnswer | null> => {
    if (await isLive(token)) {
      seenAlive.add(fingerprint(token));
      return null;
    }
    const tag = seenAlive.has(fingerprint(token)) ? 'expired_access_token' : 'invalid_access_token';
    return refused(401, tag, { '.tag': tag });
  };
}

function listFolder(request: LoopbackRequest, route: string, tree: DropboxTree): LoopbackAnswer {
  const arg = jsonBody(request, route);
  if ('status' in arg) return arg;
  const { path, limit, recursive } = arg.value as Record<string, unknown>;
  const badPath = pathProblem(path);
  if (badPath !== null) return badCall(route, `request body: path: ${badPath}`);
  if (limit !== undefined && !(Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= 2000)) {
    return badCall(route, 'request body: limit: expected an integer from 1 to 2000');
  }
  if (recursive !== undefined && typeof recursive !== 'boolean') {
    return badCall(route, 'request body: recursive: expected boolean');
  }
  const page = tree.list(String(path), { isRecursive: recursive === true, limit: Number(limit ?? 500) });
  return typeof page === 'string' ? pathRefused(page) : json(page);
}

function listFolderContinue(request: LoopbackRequest, route: string, tree: DropboxTree): LoopbackAnswer {
  const arg = jsonBody(request, route);
  if ('status' in arg) return arg;
  const { cursor } = arg.value as Record<string, unknown>;
  if (typeof cursor !== 'string') return badCall(route, 'request body: cursor: expected string');
  const page = tree.listOn(cursor);
  return page === null ? refused(409, 'reset', { '.tag': 'reset' }) : json(page);
}

function currentAccount(
  request: LoopbackRequest,
  route: string,
  account: DropboxStandInOptions['account'],
): LoopbackAnswer {
  // A route without argument takes no body, or the JSON null if the body says that it is JSON.
  const text = request.body.toString('utf8').trim();
  if (header(request, 'content-type') === null ? text !== '' : text !== 'null') {
    return badCall(route, 'request body: expected null, got value');
  }
  const [given = '', ...rest] = account.displayName.split(' ');
  return json({
    account_id: account.accountId,
    name: {
      given_name: given,
      surname: rest.join(' '),
      familiar_name: given,
      display_name: account.displayName,
      abbreviated_name: [given, ...rest].map((part) => part.slice(0, 1)).join(''),
    },
    email: account.email,
    email_verified: true,
    disabled: false,
    locale: 'en',
    country: 'FR',
    is_paired: false,
    account_type: { '.tag': 'business' },
  });
}

function download(request: LoopbackRequest, route: string, tree: DropboxTree): LoopbackAnswer {
  const type = (header(request, 'content-type') ?? '').toLowerCase();
  if (type !== '' && !type.startsWith('application/octet-stream') && !type.startsWith('text/plain')) {
    return badCall(
      route,
      'Bad HTTP "Content-Type" header. Expecting one of "application/octet-stream", "text/plain".',
    );
  }
  const given = header(request, 'dropbox-api-arg');
  if (given === null) return badCall(route, 'Must provide HTTP header "Dropbox-API-Arg".');
  const arg = parseObject(given);
  if (arg === null) return badCall(route, 'HTTP header "Dropbox-API-Arg": could not decode input as JSON');
  const badPath = pathProblem(arg.path);
  if (badPath !== null) return badCall(route, `HTTP header "Dropbox-API-Arg": path: ${badPath}`);
  const found = tree.file(String(arg.path));
  if (typeof found === 'string') return pathRefused(found);
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'dropbox-api-result': headerSafeJson(found.metadata),
      etag: `W/"${found.metadata.rev}"`,
    },
    body: found.bytes,
  };
}

function bearerToken(request: LoopbackRequest): string | null {
  return /^Bearer ([\w\-.~+/]+=*)$/i.exec(header(request, 'authorization') ?? '')?.[1] ?? null;
}

/** Why Dropbox would not take this as a path at all, `null` if it would. */
function pathProblem(path: unknown): string | null {
  if (typeof path !== 'string') return 'expected string';
  if (path === '/') return 'The root folder should be specified as an empty string rather than as "/"';
  return /^(\/[\s\S]*|id:[\s\S]*)?$/.test(path) ? null : 'did not match pattern "(/(.|[\\r\\n])*)?|id:.*"';
}

function jsonBody(request: LoopbackRequest, route: string): LoopbackAnswer | { value: object } {
  const type = header(request, 'content-type') ?? '';
  if (!/^application\/json(;\s*charset=utf-8)?$/i.test(type)) {
    return badCall(route, 'Bad HTTP "Content-Type" header. Expecting one of "application/json".');
  }
  const value = parseObject(request.body.toString('utf8'));
  return value === null ? badCall(route, 'request body: could not decode input as JSON') : { value };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    // The caller answers 400 and says where the text came from.
    return null;
  }
}

/** JSON for a header: what is not printable ASCII travels as \uXXXX, as Dropbox prescribes. */
function headerSafeJson(value: unknown): string {
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, escaped);
}

function json(value: unknown, status = 200): LoopbackAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** Dropbox's error body; the dots stand for text that it may vary, so that nobody compares the whole summary. */
function refused(status: number, summary: string, error: object): LoopbackAnswer {
  return json({ error_summary: `${summary}/...`, error }, status);
}

function pathRefused(reason: string): LoopbackAnswer {
  return refused(409, `path/${reason}`, { '.tag': 'path', path: { '.tag': reason } });
}

function badCall(route: string, problem: string): LoopbackAnswer {
  return plain(400, `Error in call to API function "${route}": ${problem}`);
}

function plain(status: number, body: string): LoopbackAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

function refusalOf(reply: LoopbackAnswer): string | null {
  if (reply.status < 400) return null;
  const summary = parseObject(String(reply.body))?.error_summary;
  return typeof summary === 'string' ? summary.replace('/...', '') : String(reply.body);
}

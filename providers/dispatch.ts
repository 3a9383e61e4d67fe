// Which request goes where: one small table for both modes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerAdmin } from './admin.ts';
import { type Answer, jsonAnswer, sendAnswer } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import type { ClientRegistry } from './client-registry.ts';
import { errorPage } from './consent-pages.ts';
import type { EmulatorControls } from './controls.ts';
import type { GrantBook } from './grant-book.ts';
import type { Lazy } from './lazily.ts';
import type { LedgerBook } from './ledger.ts';
import { createQuirkyAuthorize } from './quirky-authorize.ts';
import { quirkyIntrospection, quirkyMetadata } from './quirky-metadata.ts';
import { createQuirkyToken } from './quirky-token.ts';
import { createResourceServer } from './resource-server.ts';
import type { StandardsMode } from './standards.ts';
import { createTokenDesk, type Executor } from './token-desk.ts';
import { readBody } from './token-request.ts';
import type { WaitingRoom } from './waiting-room.ts';
import type { Weather } from './weather.ts';

export function createDispatch(parts: {
  readonly issuer: string;
  readonly controls: EmulatorControls;
  readonly behaviour: Behaviour;
  readonly clients: ClientRegistry;
  readonly ledger: LedgerBook;
  readonly book: GrantBook;
  readonly room: WaitingRoom;
  readonly weather: Weather;
  readonly standards: Lazy<StandardsMode>;
}): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const { issuer, controls, behaviour, clients, ledger, book, room, weather, standards } = parts;
  const { quirk, now } = behaviour;
  const quirkyToken = createQuirkyToken({ book, clients, quirk, now });
  const authorize = createQuirkyAuthorize({ book, clients, quirk, now, issuer });
  const resources = createResourceServer({
    findLive: controls.findLiveToken,
    mode: behaviour.mode,
    userinfoAccount: () => quirk().userinfoAccount,
    ledger,
  });
  const executor = (): Executor => standardsNow()?.executor ?? quirkyToken;
  const desk = createTokenDesk({ behaviour, ledger, weather, room, executor });
  // setMode has loaded standards mode before it can be the present one.
  const standardsNow = () => (behaviour.mode() === 'standards' ? standards.ready() : null);

  return async (req, res) => {
    const url = new URL(req.url ?? '/', issuer);
    if (url.pathname.startsWith('/_emulator/')) {
      if (!isLoopbackRequest(req)) return sendAnswer(res, jsonAnswer(403, { error: 'forbidden' }));
      return sendAnswer(res, await answerAdmin(controls, ledger, req, url));
    }
    if (req.method === 'POST' && url.pathname === '/token') return desk(req, res, 'token');
    if (req.method === 'POST' && url.pathname === '/revoke') return desk(req, res, 'revoke');
    const storm = await weather.meet(res, { countRate: false });
    if (storm !== null) {
      if (storm.answer !== null) sendAnswer(res, storm.answer);
      return;
    }
    const interaction = /^\/interaction\/([\w-]+)$/.exec(url.pathname)?.[1];
    if (interaction !== undefined) return sendAnswer(res, await interact(req, res, interaction));
    if (url.pathname === '/resource') return sendAnswer(res, resources.resource(req));
    const standard = standardsNow();
    if (standard !== null) return standard.handle(req, res);
    sendAnswer(res, await quirkyAnswer(req, url));
  };

  async function interact(req: IncomingMessage, res: ServerResponse, id: string): Promise<Answer> {
    const lost = errorPage(400, 'invalid_request', 'This sign-in has expired.');
    const standard = standardsNow();
    if (req.method !== 'POST') {
      return authorize.show(id) ?? (await standard?.interaction.show(req, res)) ?? lost;
    }
    const form = new URLSearchParams((await readBody(req))?.toString('utf8') ?? '');
    return authorize.submit(id, form) ?? (await standard?.interaction.submit(req, res, form)) ?? lost;
  }

  async function quirkyAnswer(req: IncomingMessage, url: URL): Promise<Answer> {
    switch (url.pathname) {
      case '/authorize':
        return authorize.begin(url.searchParams);
      case '/userinfo':
        return resources.userinfo(req);
      case '/introspect': {
        const form = new URLSearchParams((await readBody(req))?.toString('utf8') ?? '');
        return quirkyIntrospection(controls.findLiveToken(form.get('token') ?? ''));
      }
      case '/.well-known/oauth-authorization-server':
      case '/.well-known/openid-configuration':
        return quirkyMetadata(issuer, quirk());
      default:
        return jsonAnswer(404, { error: 'not_found' });
    }
  }
}

// A page in a browser can post to loopback too, and a rebound name can reach it: only our own address, and
// nothing that a web page sent.
function isLoopbackRequest(req: IncomingMessage): boolean {
  const peer = req.socket.remoteAddress ?? '';
  const host = (req.headers.host ?? '').replace(/:\d+$/, '');
  const ownHost = host === '127.0.0.1' || host === 'localhost' || host === '[::1]';
  return /^(::ffff:)?127\./.test(peer) && ownHost && req.headers.origin === undefined;
}

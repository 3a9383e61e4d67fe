// The consent, walked as the owner's browser walks it: our start page, the provider's sign-in and question, our callback,
// the question about the account, the end. The provider's ledger says what came of it.
import type { LedgerRecord } from '../providers/ledger-record.ts';
import type { Browser } from './browser.ts';
import { hold } from './step-failure.ts';
import type { World } from './world.ts';

export type Consent = {
  /** Of the provider's ledger. */
  readonly exchange: LedgerRecord;
  readonly grant: string;
  readonly headings: readonly string[];
};

export async function walkConsent(options: {
  readonly browser: Browser;
  readonly startUrl: string;
  readonly world: World;
  /** What the person presses at the provider. */
  readonly decision: 'allow' | 'deny';
}): Promise<Consent> {
  const { browser, startUrl, world, decision } = options;
  const { provider } = world;
  const start = await browser.open(startUrl);
  hold(start.status === 200, `the start page opens (${start.status} "${start.heading}")`);
  const signIn = await browser.submit(start, {});
  hold(signIn.url.startsWith(provider.url), 'the start page leads to the provider');
  const question = await browser.submit(signIn, { login: world.account });
  const confirm = await browser.submit(question, { decision });
  hold(
    confirm.heading === 'Is this the right account?',
    `the callback asks for the account (it says "${confirm.heading}")`,
  );
  hold(confirm.html.includes(world.account), 'the question names the account that signed in');
  hold(!/[?&](code|state)=/.test(confirm.url), 'neither code nor state stays in the address bar');
  const done = await browser.submit(confirm, { decision: 'accept' });
  hold(done.heading === 'Authorization Complete', `the consent is complete (it says "${done.heading}")`);
  const exchanges = provider.ledger.records().filter((record) => record.kind === 'code');
  const [exchange] = exchanges;
  hold(exchange !== undefined && exchanges.length === 1, `exactly one code exchange (${exchanges.length})`);
  hold(exchange.executed && exchange.grant !== null, `the provider issued tokens (${exchange.outcome})`);
  return {
    exchange,
    grant: exchange.grant,
    headings: [start, signIn, question, confirm, done].map(({ heading }) => heading),
  };
}
